"""VGG16's base with a sixteenth of its filters: the same layers, in a hundredth of the time."""

from ladder.training.runtime import keras
from ladder.vgg import vgg16

THINNER = 16


def build_thin_base(size: int) -> keras.Model:
    def thin(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if "filters" in config:
            config["filters"] //= THINNER
        return type(layer).from_config(config)

    return keras.models.clone_model(vgg16.build_base(size), clone_function=thin)
