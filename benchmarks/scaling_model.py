"""What the VGG stages cost on more images and more devices: a model in five constants, see docs/scaling.md.

A stage's time is a sum of terms, each a constant times how often it is paid; the largest is what limits it.
The constants are measured (benchmarks/scaling_record.py); those of a GPU, assumed, are in
benchmarks/scaling_tables.py.
"""

from typing import NamedTuple

REFERENCE_SIZE = 224  # pixels to a side, of the constants
FORWARD_FLOP = 30.7e9  # of VGG16's base for one image of that size; a multiply-add counts two
TRAINING_FORWARDS = 3  # a gradient step takes the forward pass, and about twice as much back
FEATURE_CHANNELS, HALF_PRECISION, SINGLE_PRECISION = 1280, 2, 4  # channels, bytes, bytes
BASE_LEARNS = 14_675_968  # weights of the last 15 of the base's 19 layers
UNITS, CLASSES = 256, 10  # of the head
VIEWS, EPOCHS = 4, 10
TRAIN_SHARE, VALIDATION_SHARE = 0.8, 0.1
SMALLEST_SHARE, BATCH = 4, 32  # images of a step: of one device at least, of all together at least


class Constants(NamedTuple):
    """Seconds of one device: per image of REFERENCE_SIZE, and of the optimizer per weight and step.

    `decode` and `augment` are those of a processor core that feeds the device.
    """

    decode: float
    augment: float
    forward: float
    training: float
    update: float


class Cluster(NamedTuple):
    """Hosts alike, with devices alike; bytes per second between hosts, and to the disk that is written.

    What the devices of one host exchange costs nothing beside the rest.
    """

    name: str
    hosts: int
    devices_per_host: int
    cores_per_host: int
    constants: Constants
    network: float
    disk: float

    @property
    def devices(self) -> int:
        return self.hosts * self.devices_per_host

    @property
    def cores(self) -> int:
        return self.hosts * self.cores_per_host

    def over_network(self, moved: float) -> float:
        """Seconds for bytes that leave a host, or reach one."""
        return moved / self.network if self.hosts > 1 else 0.0


def scale(size: int) -> float:
    """How much more the convolutions and the augmentation of an image of `size` pixels cost."""
    return (size / REFERENCE_SIZE) ** 2


def feature_bytes(size: int) -> int:
    """The features of one view of one image."""
    return (size // 32) ** 2 * FEATURE_CHANNELS * HALF_PRECISION


def weights_that_learn(size: int) -> int:
    """In fine-tuning: 15 layers of the base, and the head."""
    inputs = (size // 32) ** 2 * FEATURE_CHANNELS
    return BASE_LEARNS + (inputs + 1) * UNITS + (UNITS + 1) * CLASSES


def exchanged_bytes(size: int, hosts: int) -> float:
    """What each host sends per step in a ring that sums the gradients (Patarasuk and Yuan 2009)."""
    return 2 * (hosts - 1) / hosts * SINGLE_PRECISION * weights_that_learn(size)


def extraction(cluster: Cluster, images: float, size: int) -> dict[str, float]:
    """Seconds of each term of stage `extract-vgg-features`: every image, and VIEWS of those that train."""
    constants, augmented = cluster.constants, images * TRAIN_SHARE * VIEWS
    written = (images + augmented) * feature_bytes(size)
    return {
        "compute": (images + augmented) * constants.forward * scale(size) / cluster.devices,
        "augmentation": augmented * constants.augment * scale(size) / cluster.cores,
        "network": cluster.over_network(written),
        "disk": written / cluster.disk,
    }


def batch(devices: int) -> int:
    """Images of a step over all devices: the default, until each would have too few to be busy."""
    return max(BATCH, SMALLEST_SHARE * devices)


def fine_tuning(cluster: Cluster, images: float, size: int, epochs: int = EPOCHS) -> dict[str, float]:
    """Seconds of each term of stage `finetune-vgg`; augmentation counts where it is slower than training."""
    constants, seen = cluster.constants, images * TRAIN_SHARE * epochs
    steps = seen / batch(cluster.devices)
    validated = images * VALIDATION_SHARE * epochs
    work = seen * constants.training + validated * constants.forward
    compute = work * scale(size) / cluster.devices
    augmentation = seen * constants.augment * scale(size) / cluster.cores
    return {
        "compute": compute,
        "augmentation": max(0.0, augmentation - compute),
        "network": cluster.over_network(steps * exchanged_bytes(size, cluster.hosts)),
        "optimizer": steps * constants.update * weights_that_learn(size),
    }


def decoding(cluster: Cluster, images: float) -> float:
    """Seconds of stage `split-driver-images`, which runs on one host: photographs of 640×480 pixels."""
    return images * cluster.constants.decode / cluster.cores_per_host
