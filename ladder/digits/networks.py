"""Fully connected Keras networks for 28×28 images."""

from collections.abc import Sequence

from ladder.training.runtime import keras


def build_dense(
    layers: Sequence[int],
    activation: str,
    classes: int = 10,
    inputs: int = 784,
    dropout: float = 0.0,
    batch_normalization: bool = False,
) -> keras.Model:
    """inputs → layers → softmax over classes.

    Parameters
    ----------
    layers : units of each hidden layer.
    activation : of the hidden layers, "sigmoid" or "relu" …
    dropout : share of each hidden layer's outputs dropped in training (Srivastava et al. 2014).
    batch_normalization : normalise before each activation (Ioffe and Szegedy 2015).
    """
    model = keras.Sequential([keras.Input((inputs,), name="pixels")], name="dense_network")
    for number, units in enumerate(layers, start=1):
        # A bias before batch normalisation would be subtracted again.
        model.add(keras.layers.Dense(units, use_bias=not batch_normalization, name=f"hidden_{number}"))
        if batch_normalization:
            model.add(keras.layers.BatchNormalization(momentum=0.9, name=f"normalization_{number}"))
        model.add(keras.layers.Activation(activation, name=f"{activation}_{number}"))
        if dropout:
            model.add(keras.layers.Dropout(dropout, name=f"dropout_{number}"))
    model.add(keras.layers.Dense(classes, activation="softmax", name="probabilities"))
    return model


def count_parameters(model: keras.Model, optimizer: keras.Optimizer) -> dict[str, int]:
    """Trainable parameters, and those with the optimizer's state (moments, step count, learning rate)."""
    trainable = sum(weight.shape.num_elements() for weight in model.trainable_variables)
    state = sum(variable.shape.num_elements() for variable in optimizer.variables)
    return {"parameters_trainable": trainable, "parameters_with_optimizer": model.count_params() + state}
