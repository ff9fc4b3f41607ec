"""Stage `prepare-vgg-base`: the VGG16 convolutional base, from wherever `vgg.weights` says, as one file."""

from pathlib import Path

from ladder.files.errors import run_stage
from ladder.files.metrics import write_metrics
from ladder.files.params import read_params, read_seed
from ladder.files.streams import stream
from ladder.training.runtime import start_keras
from ladder.vgg.params import Vgg
from ladder.vgg.published import load_published
from ladder.vgg.vgg16 import (
    BASE_FILE,
    EMBEDDED_FILE,
    build_base,
    load_base,
    save_base,
    start_at_random,
)


def main() -> None:
    params, seed = read_params("vgg", Vgg), read_seed()
    start_keras(seed)
    match params.weights:
        case "random":
            base = build_base(params.image_size)
            start_at_random(base, stream(seed, "prepare-vgg-base/weights"))
            print("prepare-vgg-base: an untrained base with random weights: expect poor features", flush=True)
        case "embedded":
            base = load_base(params.image_size, EMBEDDED_FILE)
            print("prepare-vgg-base: weights of source 'embedded'", flush=True)
        case source:
            base = build_base(params.image_size)
            said = load_published(base, source, Path("data/raw") / source)
            print(f"prepare-vgg-base: weights of source {source!r}: {said}", flush=True)
    trained = params.weights != "random"
    save_base(base, BASE_FILE)
    write_metrics("prepare-vgg-base", {"base_is_trained": int(trained), "parameters": base.count_params()})


if __name__ == "__main__":
    run_stage(main)
