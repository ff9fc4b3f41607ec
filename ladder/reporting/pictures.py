"""Every picture of the report: what it shows, in words for those who do not see it."""

from collections.abc import Mapping
from typing import NamedTuple

from ladder.reporting.metric_tables import Metrics, accuracy


class Picture(NamedTuple):
    """A caption, a text alternative, and whether it shows photographs, which stay as they are in the dark."""

    caption: str
    alt: str
    photo: bool = False


# Folder below plots/ → what its model is called, metrics file, prefix of the names in it.
CLASSIFIERS = {
    "train_mlp/numpy": ("Network from scratch (NumPy)", "train_mlp", "numpy_"),
    "train_mlp/keras": ("The same network in Keras", "train_mlp", "keras_"),
    "train_mnist": ("Deep fully connected network", "train_mnist", ""),
    "train_vgg_head/by_image": ("New head, split by image", "train_vgg_head", "by_image_"),
    "train_vgg_head/by_driver": ("New head, split by driver", "train_vgg_head", "by_driver_"),
    "finetune_vgg": ("Fine-tuned VGG16", "finetune_vgg", ""),
}


def _of_classifier(folder: str) -> dict[str, Picture]:
    name, drivers = CLASSIFIERS[folder][0], "vgg" in folder
    groups = "each class and each driver" if drivers else "each class"
    return {
        f"plots/{folder}/curves.png": Picture(
            f"{name}: learning curves",
            "Loss and accuracy on training and validation against the epoch; epoch {kept_epoch} is kept.",
        ),
        f"plots/{folder}/confusion.png": Picture(
            f"{name}: confusion matrix",
            "Actual against predicted class of test images: {test_mistakes} are wrong, accuracy {accuracy}.",
        ),
        f"plots/{folder}/groups.png": Picture(
            f"{name}: accuracy of {groups}",
            f"Test accuracy of {groups} with 95 % intervals, the worst first; over all it is {{accuracy}}.",
        ),
        f"plots/{folder}/mistakes.png": Picture(
            f"{name}: most confident mistakes",
            "The test images whose wrong class got the highest probability, of {test_mistakes} mistakes.",
            True,
        ),
        f"plots/{folder}/reliability.png": Picture(
            f"{name}: calibration",
            "Accuracy against confidence on the test images before and after temperature scaling; the "
            "expected error goes from {test_calibration_error} to {test_calibration_error_scaled}.",
        ),
    }


PICTURES = {
    "plots/train_linreg/line.png": Picture(
        "The learned line",
        "Pairs of °C and °F of all three splits on the learned line, {weight} · °C + {bias}.",
    ),
    "plots/train_linreg/loss.png": Picture(
        "Mean squared error against epoch",
        "The error falls to the least-squares minimum; in the end it is {train_loss} on training pairs.",
    ),
    "plots/explain_models/learning_path.png": Picture(
        "The way down the loss surface",
        "Contours of the mean squared error over weight and bias; the steps lead to {weight} and {bias}.",
    ),
    "plots/prepare_digits/samples.png": Picture(
        "Training digits", "Four training images of each digit.", True
    ),
    "plots/prepare_digits/classes.png": Picture(
        "Digits per class",
        "Bars of images per digit and split: {train_images} for training, {val_images} for validation, "
        "{test_images} for test.",
    ),
    "plots/train_mlp/moons.png": Picture(
        "Decision boundary",
        "The plane shaded by the probability of class 1, and two moons of test points: accuracy {accuracy}.",
    ),
    "plots/explain_models/mlp_filters.png": Picture(
        "First layer of the NumPy network",
        "Weights from the pixels to forty hidden units: strokes and blots that speak for or against a unit.",
    ),
    "plots/explain_models/mnist_filters.png": Picture(
        "First layer of the deep network", "Weights from the pixels to forty units of the first hidden layer."
    ),
    "plots/split_driver_images/samples.png": Picture(
        "Driver images", "Sample images of each of the ten classes.", True
    ),
    "plots/split_driver_images/by_image.png": Picture(
        "Images per class, split by image",
        "Bars of images per class: {by_image_train_images} train, {by_image_val_images} validate, "
        "{by_image_test_images} test.",
    ),
    "plots/split_driver_images/by_driver.png": Picture(
        "Images per class, split by driver",
        "Bars of images per class: {by_driver_train_images} train, {by_driver_val_images} validate, "
        "{by_driver_test_images} test.",
    ),
    "plots/probe_leakage/by_image.png": Picture(
        "Closest pairs, split by image",
        "Test images beside the training image that looks most like each; "
        "{by_image_test_images_with_near_duplicate} of them have a near-duplicate in training.",
        True,
    ),
    "plots/probe_leakage/by_driver.png": Picture(
        "Closest pairs, split by driver",
        "Test images beside the training image that looks most like each; "
        "{by_driver_test_images_with_near_duplicate} of them have a near-duplicate in training.",
        True,
    ),
    "plots/explain_models/vgg_filters.png": Picture(
        "First convolution of VGG16", "Its 64 kernels of 3×3 RGB pixels: edges, blots and colours."
    ),
    "plots/explain_models/grad_cam.png": Picture(
        "What speaks for each class (Grad-CAM)",
        "The first test image of each class above its heat-map for the predicted class.",
        True,
    ),
    "plots/explain_models/grad_cam_mistakes.png": Picture(
        "What speaks for a wrong class (Grad-CAM)",
        "The most confident mistakes above their heat-maps for the class that was predicted.",
        True,
    ),
}
for _folder in CLASSIFIERS:
    PICTURES |= _of_classifier(_folder)


def with_numbers(path: str, metrics: Mapping[str, Metrics]) -> Picture:
    """The picture at `path` with the metrics of its stage in its text."""
    picture = PICTURES[path]
    folder = path.removeprefix("plots/").rpartition("/")[0]
    moons = path.endswith("moons.png")
    _, stage, prefix = CLASSIFIERS.get(folder, ("", folder, "moons_" if moons else ""))
    if stage == "explain_models":
        stage = "train_linreg"
    of_stage = metrics[stage]
    known = {
        name.removeprefix(prefix): f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
        for name, value in of_stage.items()
        if name.startswith(prefix)
    }
    if f"{prefix}test_accuracy" in of_stage:
        known["accuracy"] = accuracy(of_stage, f"{prefix}test_accuracy")
    return picture._replace(alt=picture.alt.format(**known))
