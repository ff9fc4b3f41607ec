"""The rungs of the ladder: what each model is called, which stage trains it, and where it lies."""

from pathlib import Path
from typing import NamedTuple

from ladder.files.metrics import Metrics, part_of, read_metrics


class Rung(NamedTuple):
    """One model.

    `part` is the start of its metrics' names and its folder below the stage's plots; "" where the stage
    trains this model alone. The two heads share a file: that of the split which `split.by` names. The heads
    of the cross-validation are not kept; they have figures for the test split alone.
    """

    name: str
    title: str
    stage: str
    part: str
    model: Path

    def plots(self) -> Path:
        """The folder where its stage writes plot data."""
        return Path("plots", self.stage.replace("-", "_"), self.part)

    def pictures(self) -> Path:
        """The folder of its pictures."""
        return Path("plots", "draw_digits" if self in DIGIT_CLASSIFIERS else "draw_drivers", self.name)

    def metrics(self) -> Metrics:
        """What was measured of it; raises InputError like `read_metrics`."""
        return part_of(read_metrics(self.stage), self.part)


NEURON = Rung("neuron", "One neuron", "train-linreg", "", Path("models/linreg.npz"))
MOONS = Rung("moons", "Two moons, network from scratch", "train-moons", "", Path("models/moons.npz"))
FROM_SCRATCH = Rung(
    "from_scratch", "Digits, network from scratch", "train-mlp", "numpy", Path("models/mlp_numpy.npz")
)
IN_KERAS = Rung(
    "in_keras", "Digits, the same network in Keras", "train-mlp", "keras", Path("models/mlp_keras.keras")
)
DEEP = Rung("deep", "Digits, deep network", "train-mnist", "", Path("models/mnist.keras"))
HEAD_BY_IMAGE = Rung(
    "head_by_image",
    "VGG16, new head, split by image",
    "train-vgg-head",
    "by_image",
    Path("models/vgg_head.keras"),
)
HEAD_BY_DRIVER = Rung(
    "head_by_driver",
    "VGG16, new head, split by driver",
    "train-vgg-head",
    "by_driver",
    Path("models/vgg_head.keras"),
)
HEAD_FOLDS = Rung(
    "head_folds",
    "VGG16, new head, cross-validated by driver",
    "train-vgg-head",
    "folds",
    Path("models/vgg_head.keras"),
)
FINE_TUNED = Rung("fine_tuned", "VGG16, fine-tuned", "finetune-vgg", "", Path("models/final_model.keras"))

DIGIT_CLASSIFIERS = (FROM_SCRATCH, IN_KERAS, DEEP)
DRIVER_CLASSIFIERS = (HEAD_BY_IMAGE, HEAD_BY_DRIVER, FINE_TUNED)
CLASSIFIERS = DIGIT_CLASSIFIERS + DRIVER_CLASSIFIERS
