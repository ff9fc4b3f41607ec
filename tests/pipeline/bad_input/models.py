"""Keras models that are damaged, or that carry code."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from ladder.training.keras_archive import load_keras, save_keras
from ladder.training.runtime import keras
from tests.pipeline.bad_input.place import Bad, put, reader

MODEL = Path("models/vgg_head.keras")
REFUSED = f"{MODEL}: not a loadable Keras model: "


def small_model() -> None:
    layers = [keras.Input((4,)), keras.layers.Dense(3, name="hidden")]
    save_keras(keras.Sequential(layers, name="small"), MODEL)


def load() -> None:
    model = load_keras(MODEL)
    model.predict_on_batch(np.zeros((1, 4), np.float32))


def member(name: str, in_archive: str, edit: Callable[[bytes], bytes | None], *words: str) -> Bad:
    """Another content of a member of the archive, or none."""

    def damage() -> None:
        with zipfile.ZipFile(MODEL) as archive:
            content = {entry: archive.read(entry) for entry in archive.namelist()}
        content[in_archive] = edit(content[in_archive])
        with zipfile.ZipFile(MODEL, "w") as archive:
            for entry, data in content.items():
                if data is not None:
                    archive.writestr(entry, data)

    return Bad(name, damage, (REFUSED, *words))


def config(name: str, content: object, *words: str) -> Bad:
    """Another model in words."""
    return member(name, "config.json", lambda _: json.dumps(content).encode(), *words)


def with_layer(class_name: str, settings: dict[str, object]) -> dict[str, object]:
    """A model with this layer, as Keras writes it down."""
    described = keras.saving.serialize_keras_object(keras.Sequential([keras.Input((4,))]))
    layer = {"module": "keras.layers", "class_name": class_name, "config": settings, "registered_name": None}
    described["config"]["layers"].append(layer)
    return described


def lambda_layer() -> None:
    """A model whose layer makes the file `ran`."""
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: (Path("ran").touch(), x)[1])]
    keras.Sequential(layers).save(MODEL)
    Path("ran").unlink()  # made when the model was


def lambda_by_name(module: str, name: str, **arguments: object) -> dict[str, object]:
    """A Lambda layer that calls a function that Keras could find by its name."""
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    return with_layer("Lambda", {"name": "code", "function": function, "arguments": arguments})


def old_format() -> None:
    """HDF5, the format before .keras."""
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save("old.h5")
    Path("old.h5").replace(MODEL)


def archive_of(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "no model")
    return buffer.getvalue()


def link_elsewhere(content: bytes) -> bytes:
    """Weights that are a link to another file's."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        weights = file["layers/dense/vars"]
        del weights["0"]
        weights["0"] = h5py.ExternalLink("params.yaml", "seed")
    return buffer.getvalue()


WHOLE = "no whole .keras archive"
PLACE = reader(
    "load_keras",
    small_model,
    load,
    Bad("no file", MODEL.unlink, (f"{MODEL}: no such file; `dvc repro` makes it",)),
    Bad("no bytes", put(MODEL, b""), (REFUSED, WHOLE)),
    Bad("text", put(MODEL, "no model"), (REFUSED, WHOLE)),
    Bad("cut", lambda: MODEL.write_bytes(MODEL.read_bytes()[:-100]), (REFUSED, WHOLE)),
    Bad("HDF5", old_format, (REFUSED, WHOLE)),
    Bad("another archive", put(MODEL, archive_of("other.txt")), (REFUSED,)),
    member("no weights", "model.weights.h5", lambda _: None, "model.weights.h5"),
    member("weights cut", "model.weights.h5", lambda content: content[:100], "truncated"),
    member("weights of another file", "model.weights.h5", link_elsewhere),
    member("no model in words", "config.json", lambda _: None, "config.json"),
    member("no JSON", "config.json", lambda _: b"{"),
    config("an empty list", []),
    config("an empty object", {}),
    member("other units", "config.json", lambda text: text.replace(b'"units": 3', b'"units": 5'), "(4, 3)"),
    Bad("code in a layer", lambda_layer, (REFUSED, "Lambda", "disallowed")),
    config("a layer that calls the shell", lambda_by_name("os", "system", command="touch ran")),
    config(
        "a layer that switches safe mode off", lambda_by_name("keras.config", "enable_unsafe_deserialization")
    ),
    config("a layer that downloads", lambda_by_name("keras.utils", "get_file", origin="file:///etc/hosts")),
    config(
        "a layer that reads a file", with_layer("StringLookup", {"name": "words", "vocabulary": "/etc/hosts"})
    ),
    config("an unknown class", {"module": "os", "class_name": "system", "config": {"command": "touch ran"}}),
)
