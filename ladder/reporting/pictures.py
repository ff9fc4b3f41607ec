"""Every picture of the report: what it shows, in words for those who do not see it."""

from collections.abc import Mapping
from typing import NamedTuple

from ladder.files.metrics import Metrics, part_of
from ladder.reporting.metric_tables import accuracy
from ladder.rungs import CLASSIFIERS, DEEP, DIGIT_CLASSIFIERS, FROM_SCRATCH, HEAD_FOLDS, MOONS, NEURON, Rung


class Picture(NamedTuple):
    """A caption, a text alternative, and whether it shows photographs, which stay as they are in the dark.

    `stage` and `part` name the metrics that the text alternative takes its numbers from.
    """

    caption: str
    alt: str
    stage: str = ""
    part: str = ""
    photo: bool = False

    def with_numbers(self, metrics: Mapping[str, Metrics]) -> "Picture":
        """The picture with the metrics of its stage in its text; `metrics` maps a stage to its metrics."""
        if not self.stage:
            return self
        of_part = part_of(metrics[self.stage], self.part)
        known = {
            name: f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
            for name, value in of_part.items()
        }
        if "test_accuracy" in of_part:
            known["accuracy"] = accuracy(of_part, "test_accuracy")
        return self._replace(alt=self.alt.format(**known))


def _of_classifier(rung: Rung) -> dict[str, Picture]:
    groups = "each class" if rung in DIGIT_CLASSIFIERS else "each class and each driver"
    texts = {
        "curves": (
            "learning curves",
            "Loss and accuracy on training and validation against the epoch; epoch {kept_epoch} is kept.",
        ),
        "confusion": (
            "confusion matrix",
            "Actual against predicted class of test images: {test_mistakes} are wrong, accuracy {accuracy}.",
        ),
        "groups": (
            f"accuracy of {groups}",
            f"Test accuracy of {groups} with 95 % intervals, the worst first; over all it is {{accuracy}}.",
        ),
        "mistakes": (
            "most confident mistakes",
            "The test images whose wrong class got the highest probability, of {test_mistakes} mistakes.",
        ),
        "reliability": (
            "calibration",
            "Accuracy against confidence on the test images before and after temperature scaling; the "
            "expected error goes from {test_calibration_error} to {test_calibration_error_scaled}.",
        ),
    }
    return {
        f"{rung.pictures()}/{name}.png": Picture(
            f"{rung.title}: {caption}", alt, rung.stage, rung.part, name == "mistakes"
        )
        for name, (caption, alt) in texts.items()
    }


PICTURES = {
    "plots/draw_neuron/line.png": Picture(
        "The learned line",
        "Pairs of °C and °F of all three splits on the learned line, {weight} · °C + {bias}.",
        NEURON.stage,
    ),
    "plots/draw_neuron/loss.png": Picture(
        "Mean squared error against epoch",
        "The error falls to the least-squares minimum; in the end it is {train_loss} on training pairs.",
        NEURON.stage,
    ),
    "plots/draw_neuron/learning_path.png": Picture(
        "The path down the loss surface",
        "Contours of the mean squared error over weight and bias; the steps lead to {weight} and {bias}.",
        NEURON.stage,
    ),
    "plots/draw_digits/samples.png": Picture(
        "Training digits", "Four training images of each digit.", photo=True
    ),
    "plots/draw_digits/classes.png": Picture(
        "Digits per class",
        "Bars of images per digit and split: {train_images} for training, {val_images} for validation, "
        "{test_images} for test.",
        "prepare-digits",
    ),
    "plots/draw_digits/moons.png": Picture(
        "Decision boundary",
        "The plane shaded by the probability of class 1, and two moons of test points: accuracy {accuracy}.",
        MOONS.stage,
    ),
    f"{FROM_SCRATCH.pictures()}/first_layer.png": Picture(
        f"{FROM_SCRATCH.title}: first layer",
        "Weights from the pixels to forty hidden units: strokes that raise or lower a unit's output.",
    ),
    f"{DEEP.pictures()}/first_layer.png": Picture(
        f"{DEEP.title}: first layer", "Weights from the pixels to forty units of the first hidden layer."
    ),
    "plots/draw_drivers/samples.png": Picture(
        "Driver images", "Sample images of each of the ten classes.", photo=True
    ),
    "plots/draw_drivers/first_convolution.png": Picture(
        "First convolution of VGG16", "Its 64 kernels of 3×3 RGB pixels: edges, blots and colours."
    ),
    "plots/draw_drivers/grad_cam.png": Picture(
        "Evidence for each class (Grad-CAM)",
        "The first test image of each class above its heat-map for the predicted class.",
        photo=True,
    ),
    "plots/draw_drivers/grad_cam_mistakes.png": Picture(
        "Evidence for a wrong class (Grad-CAM)",
        "The most confident mistakes above their heat-maps for the class that was predicted.",
        photo=True,
    ),
}
for _by in ("image", "driver"):
    PICTURES[f"plots/draw_drivers/classes_by_{_by}.png"] = Picture(
        f"Images per class, split by {_by}",
        "Bars of images per class: {train_images} train, {val_images} validate, {test_images} test.",
        "split-driver-images",
        f"by_{_by}",
    )
    PICTURES[f"plots/draw_drivers/closest_by_{_by}.png"] = Picture(
        f"Closest pairs, split by {_by}",
        "Test images above the training image that looks most like each; "
        "{test_images_with_near_duplicate} of them have a near-duplicate in training.",
        "probe-leakage",
        f"by_{_by}",
        True,
    )
for _rung in (*CLASSIFIERS, HEAD_FOLDS):
    PICTURES |= _of_classifier(_rung)
del PICTURES[f"{HEAD_FOLDS.pictures()}/curves.png"]
