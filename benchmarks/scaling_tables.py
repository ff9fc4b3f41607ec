"""The tables of docs/scaling.md: constants, what was checked, and what the model predicts."""

from typing import Any

from benchmarks.scaling_model import (
    FORWARD_FLOP,
    REFERENCE_SIZE,
    TRAINING_FORWARDS,
    Cluster,
    Constants,
    decoding,
    extraction,
    feature_bytes,
    fine_tuning,
    weights_that_learn,
)

COUNTS = (22_424, 1_000_000, 100_000_000)
GIGABIT = 1e9 / 8  # bytes per second
# Assumed, of an NVIDIA H100: dense bfloat16 arithmetic, the share of it that convolutions reach, and memory.
GPU_FLOP_PER_SECOND, GPU_SHARE, GPU_BYTES_PER_SECOND = 989e12, 0.4, 3.35e12
ADAM_BYTES = 28  # read and written per weight: the gradient once, the weight and both moments twice
GPU_HOST_CORES, GPU_HOST_DISK = 128, 2e9


def gpu(measured: dict[str, float]) -> Constants:
    """One GPU, fed by cores such as those that were measured."""
    forward = FORWARD_FLOP / (GPU_FLOP_PER_SECOND * GPU_SHARE)
    update = ADAM_BYTES / GPU_BYTES_PER_SECOND
    return Constants(measured["decode"], measured["augment"], forward, TRAINING_FORWARDS * forward, update)


def cores(measured: dict[str, float], measured_on: int, count: int) -> Constants:
    """Some cores as one device: the arithmetic divides among them, the optimizer's memory does not."""
    share = measured_on / count
    forward, training = measured["forward"] * share, measured["training"] * share
    return Constants(measured["decode"], measured["augment"], forward, training, measured["update"])


def clusters(record: dict[str, Any]) -> list[Cluster]:
    """From one core to 1,000 GPUs."""
    measured, here = record["constants"], record["machine"]["cores"]
    disk, device = 1 / measured["write"], gpu(measured)
    return [
        Cluster("1 core", 1, 1, 1, cores(measured, here, 1), GIGABIT, disk),
        Cluster(f"{here} cores", 1, 1, here, cores(measured, here, here), GIGABIT, disk),
        Cluster("16 hosts of 16 cores, 10 Gbit/s", 16, 1, 16, cores(measured, here, 16), 10 * GIGABIT, disk),
        Cluster("1 GPU", 1, 1, GPU_HOST_CORES // 8, device, 100 * GIGABIT, GPU_HOST_DISK),
        Cluster("8 GPUs in one host", 1, 8, GPU_HOST_CORES, device, 100 * GIGABIT, GPU_HOST_DISK),
        Cluster("8 hosts of 8 GPUs, 100 Gbit/s", 8, 8, GPU_HOST_CORES, device, 100 * GIGABIT, GPU_HOST_DISK),
        Cluster(
            "125 hosts of 8 GPUs, 100 Gbit/s", 125, 8, GPU_HOST_CORES, device, 100 * GIGABIT, GPU_HOST_DISK
        ),
    ]


def duration(seconds: float) -> str:
    """A time to read."""
    for unit, size in (("years", 365 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s"


def cell(terms: dict[str, float]) -> str:
    """The sum of a stage's terms, and the largest."""
    return f"{duration(sum(terms.values()))}, {max(terms, key=terms.__getitem__)}"


def predictions(record: dict[str, Any]) -> str:
    """Each number of images on each cluster, and which term of a stage is the largest."""
    lines = ["| images | devices | decoding | features | fine-tuning |", "|---|---|---|---|---|"]
    lines += [
        f"| {images:,} | {cluster.name} | {duration(decoding(cluster, images))} "
        f"| {cell(extraction(cluster, images, REFERENCE_SIZE))} "
        f"| {cell(fine_tuning(cluster, images, REFERENCE_SIZE))} |"
        for images in COUNTS
        for cluster in clusters(record)
    ]
    return "\n".join(lines) + "\n"


def constants(record: dict[str, Any]) -> str:
    """What was measured, and the bytes that follow from the layers."""
    measured, count = record["constants"], record["machine"]["cores"]
    rows = [
        ("decode a photograph of 640×480 pixels, one core", f"{1e3 * measured['decode']:.3g} ms"),
        ("augment an image, one core", f"{1e3 * measured['augment']:.3g} ms"),
        (f"an image through the frozen base, {count} cores", f"{1e3 * measured['forward']:.3g} ms"),
        (f"an image through a training step, {count} cores", f"{1e3 * measured['training']:.3g} ms"),
        ("Adam, a weight and step", f"{1e9 * measured['update']:.3g} ns"),
        ("write to disk", f"{1e-6 / measured['write']:.3g} MB/s"),
        ("features of one view of an image", f"{feature_bytes(REFERENCE_SIZE):,} bytes"),
        ("gradient of the weights that learn", f"{4e-6 * weights_that_learn(REFERENCE_SIZE):.3g} MB"),
        ("decoded image", f"{3 * REFERENCE_SIZE**2:,} bytes"),
    ]
    lines = ["| constant | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    machine = record["machine"]
    return "\n".join(lines) + (
        f"\n\n{count} cores of {machine['cpu']} ({', '.join(machine['flags'])}), {record['precision']}, "
        f"{REFERENCE_SIZE} pixels.\n"
    )


def checks(record: dict[str, Any]) -> str:
    """What the model predicts beside what the stages took."""
    lines = ["| stage | images | pixels | predicted | measured | ratio |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['stage']} | {row['images']} | {row['size']} | {row['predicted']:.3g} s "
        f"| {row['measured']:.3g} s | {row['predicted'] / row['measured']:.2f} |"
        for row in record["checks"]
    ]
    return "\n".join(lines) + "\n"
