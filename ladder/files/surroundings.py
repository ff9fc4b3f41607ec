"""What a user's shell or notebook sets for libraries, and what counts here."""

import os


def set_surroundings() -> None:
    """Make a stage compute the same under any user's variables; call it before libraries are imported.

    What users set in files of matplotlib's or Keras's own, ladder/figures/style.py and
    ladder/training/runtime.py put right.
    """
    os.environ["MPLBACKEND"] = "agg"  # a notebook's own does not exist elsewhere
    # By itself TensorFlow takes oneDNN's kernels only on processors with AVX-512 VNNI; with AVX2 alone they
    # are faster too: the gradients of convolutions most of all.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    os.environ.pop("TF_XLA_FLAGS", None)  # could compile, and so add in another order
