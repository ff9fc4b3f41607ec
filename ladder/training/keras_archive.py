"""Keras models on disk: .keras archives whose bytes depend on the model alone."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from ladder.files.errors import InputError
from ladder.files.outputs import replacing
from ladder.training.runtime import keras

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def load_keras(path: str | Path) -> keras.Model:
    """Load a .keras model in safe mode: layers that carry code are refused.

    Raises
    ------
    InputError
        The file is missing or is no model that may be loaded.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; `dvc repro` makes it")
    if not zipfile.is_zipfile(path):  # Keras would say that it is not there.
        raise InputError(f"{path}: not a loadable Keras model: no whole .keras archive")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a damaged or unsafe archive.
        raise InputError(f"{path}: not a loadable Keras model: {error}") from None


def save_keras(model: keras.Model, path: str | Path) -> None:
    """Save a Keras model as .keras with bytes that depend on the model alone.

    Keras's own archive differs at every save: zip dates, `date_saved`, and shared object ids that are
    memory addresses. Left in, they would re-run every stage downstream. What is saved is the layers and
    weights; the optimizer and its state are left out.
    """
    plain = type(model).from_config(model.get_config())
    plain.set_weights(model.get_weights())
    with replacing(path) as temporary:
        plain.save(temporary)
        content = {}
        with zipfile.ZipFile(temporary) as archive:
            for name in sorted(archive.namelist()):
                content[name] = archive.read(name)
        content["metadata.json"] = _without(content["metadata.json"], "date_saved")
        content["config.json"] = _renumber_shared_objects(content["config.json"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in content.items():
                archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), data)
        temporary.write_bytes(buffer.getvalue())


def _without(text: bytes, key: str) -> bytes:
    content = json.loads(text)
    content.pop(key, None)
    return json.dumps(content).encode()


def _renumber_shared_objects(text: bytes) -> bytes:
    numbers: dict[int, int] = {}

    def renumber(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {
            key: numbers.setdefault(value, len(numbers)) if key == "shared_object_id" else value
            for key, value in pairs
        }

    return json.dumps(json.loads(text, object_pairs_hook=renumber)).encode()
