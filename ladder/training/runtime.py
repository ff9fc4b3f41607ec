"""How Keras and TensorFlow run: quietly, seeded, in a chosen precision.

Keras computes with TensorFlow; with the environment variable KERAS_BACKEND=jax, for stages that share their
work with other processes, with JAX.

Import `keras` and `tf` from here, so that the first import is the muted one; only stages that train with
Keras do.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from ladder.files.errors import InputError
from ladder.files.params import Group
from ladder.files.surroundings import set_surroundings

set_surroundings()
# From its import on, TensorFlow reports errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Here and not in ~/.keras/keras.json, which would make another machine's run another.
_backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if _backend not in ("tensorflow", "jax"):
    sys.exit(f"error: KERAS_BACKEND: {_backend!r:.80}: must be tensorflow or jax")
if _backend == "jax" and find_spec("jax") is None:
    sys.exit("error: KERAS_BACKEND: jax: JAX is not installed; `make distributed-setup` does it")


@contextmanager
def _native_stderr_muted() -> Iterator[None]:
    """Hold back what C++ code writes to file descriptor 2; show it after all if the block fails.

    While it is being imported, TensorFlow (2.19 and later) ignores its own log level.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(kept, held_back.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


with _native_stderr_muted():
    import keras
    import tensorflow as tf

tf.get_logger().setLevel("ERROR")
# Whatever ~/.keras/keras.json says.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
keras.config.set_dtype_policy("float32")

__all__ = ["choose_precision", "dtype_policy", "keras", "require_backend", "start_keras", "tf"]

# A processor with avx512_bf16 alone computes in bfloat16 too, but no faster than by Winograd in float32.
BFLOAT16_CPU_FLAG = "amx_bf16"
BFLOAT16_GPU_CAPABILITY = (8, 0)  # NVIDIA's Ampere and later


class Runtime(Group):
    """The `runtime` group of params.yaml."""

    precision: Literal["auto", "float32", "mixed_bfloat16"]
    distribution: Literal["none", "data_parallel"]


def require_backend(name: str, for_what: str) -> None:
    """Refuse to go on with another backend of Keras than `name`.

    Raises
    ------
    InputError
        It is another.
    """
    if keras.backend.backend() != name:
        raise InputError(f"KERAS_BACKEND: {keras.backend.backend()}: {for_what} needs {name}")


def start_keras(seed: int) -> None:
    """Seed every generator that Keras draws from, for a stage that is written for TensorFlow alone.

    Raises
    ------
    InputError
        Keras has another backend.
    """
    require_backend("tensorflow", "this stage")
    keras.utils.set_random_seed(seed)


def choose_precision(asked: str) -> str:
    """The dtype policy for convolutions, said aloud: "float32" or "mixed_bfloat16".

    `asked` is `runtime.precision`. Its `auto` takes bfloat16 only where the hardware is made for it;
    elsewhere it is slower, or emulated.
    """
    hardware = bfloat16_hardware()
    chosen = asked
    if asked == "auto":
        chosen = "mixed_bfloat16" if hardware else "float32"
    print(f"precision: {chosen} (asked: {asked}; bfloat16 hardware: {hardware or 'none'})", flush=True)
    return chosen


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Layers built in this block compute in the dtype policy `name`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def bfloat16_hardware() -> str:
    """What computes in bfloat16 quickly here: a CPU flag, "GPU", or nothing."""
    if keras.backend.backend() == "jax":
        import jax

        if jax.default_backend() != "cpu":
            capabilities = [getattr(device, "compute_capability", "0") for device in jax.local_devices()]
            able = all(float(capability) >= BFLOAT16_GPU_CAPABILITY[0] for capability in capabilities)
            return "GPU" if able else ""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        able = all(device.get("compute_capability", (0, 0)) >= BFLOAT16_GPU_CAPABILITY for device in details)
        return "GPU" if able else ""
    cpuinfo = Path("/proc/cpuinfo")
    if platform.system() != "Linux" or not cpuinfo.exists():
        return ""
    flags = cpuinfo.read_text("utf-8", errors="replace").split()
    return BFLOAT16_CPU_FLAG if BFLOAT16_CPU_FLAG in flags else ""
