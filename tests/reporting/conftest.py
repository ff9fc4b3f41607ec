"""A repository in which stage `report` can run."""

import numpy as np
import pytest
from PIL import Image

from ladder.reporting.pictures import PICTURES
from tools.pipeline.clones import copy_repository


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The repository with its committed metrics, and a small picture in place of each."""
    here = tmp_path_factory.mktemp("report")
    copy_repository(here)
    for number, path in enumerate(PICTURES):
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 6, 3), 5 * number, np.uint8)).save(here / path)
    return here
