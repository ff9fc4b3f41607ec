"""The page that GitHub Actions shows of a job."""

import os
from pathlib import Path

SUMMARY = "GITHUB_STEP_SUMMARY"  # names the file, in GitHub Actions alone


def add_to_job_summary(markdown: str) -> None:
    """Add Markdown to the summary of the job; elsewhere do nothing."""
    if path := os.environ.get(SUMMARY):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown + "\n")
