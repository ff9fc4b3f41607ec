"""Which models are better or worse now than in a revision, beyond the noise."""

from pathlib import Path

import gradio as gr

from ladder.predict.outputs import Outputs
from tools.demo.refusals import refusing
from tools.experiments.compare import compare_with, markdown
from tools.pipeline.git import git


def revisions() -> list[str]:
    """HEAD, branches and tags, the newest first."""
    wanted = ("--sort=-committerdate", "--format=%(refname:short)", "refs/heads", "refs/tags")
    return ["HEAD", *git(Path(), "for-each-ref", *wanted).split()]


def revisions_tab(outputs: Outputs) -> None:
    """Fill the tab."""
    gr.Markdown(
        "The models now, beside those of a revision, on the same test items: only what exceeds the noise is "
        "called better or worse."
    )
    with gr.Row(equal_height=True):
        revision = gr.Dropdown(
            revisions(),
            value="HEAD",
            allow_custom_value=True,
            label="Revision: a branch, a tag, a commit, HEAD~1 …",
            scale=4,
            elem_id="revision",
        )
        button = gr.Button("Compare", variant="primary", scale=1, min_width=140, elem_id="compare")
    table = gr.Markdown(elem_id="table")

    @refusing(blank="")
    def answer(asked: str) -> str:
        return markdown(asked, compare_with(asked))

    button.click(answer, revision, table, api_visibility="private")
