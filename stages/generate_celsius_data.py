"""Stage `generate-celsius-data`: Celsius–Fahrenheit pairs with a chosen noise."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ladder.files.errors import run_stage
from ladder.files.metrics import write_metrics
from ladder.files.outputs import write_table
from ladder.files.params import Group, read_params, read_seed
from ladder.files.streams import stream


class Celsius(Group):
    """The `celsius` group of params.yaml."""

    count: Annotated[int, Field(ge=10, le=10_000_000)]
    low: Annotated[float, Field(ge=-273.15, le=10_000)]
    high: Annotated[float, Field(ge=-273.15, le=10_000)]
    noise: Annotated[float, Field(ge=0, le=1000)]

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


def main() -> None:
    params, seed = read_params("celsius", Celsius), read_seed()
    rng = stream(seed, "generate-celsius-data/pairs")
    celsius = rng.uniform(params.low, params.high, params.count)
    fahrenheit = 1.8 * celsius + 32 + rng.normal(0, params.noise, params.count)
    write_table("data/celsius.csv", {"celsius": celsius, "fahrenheit": fahrenheit})
    write_metrics("generate-celsius-data", {"pairs": params.count})


if __name__ == "__main__":
    run_stage(main)
