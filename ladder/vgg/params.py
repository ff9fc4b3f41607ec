"""The `vgg` group of params.yaml, for stages that need no TensorFlow as well."""

from typing import Annotated, Literal

from pydantic import Field

from ladder.files.params import Count, Group


class Vgg(Group):
    """The `vgg` group of params.yaml."""

    weights: Annotated[str, Field(pattern=r"^[^\s~/.][^\s/]*$")]
    image_size: Annotated[int, Field(ge=32, le=512)]
    batch_size: Count
    features: Literal["cached", "live"]
    augmented_views: Annotated[int, Field(ge=0, le=100)]
