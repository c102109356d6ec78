"""Everything the notebooks import: units that can count, toy data, training, errors, figures, and answers to exercises.

Read the modules in this order, top to bottom: `layers` (the units), `data`, `training`, `metrics`, `plots`, `explorers`,
`benchmark` (the command line), `checks` (answers to the exercises). `paper` holds the paper's experiments, a module each.
"""

import os
import sys


def _import_tensorflow_quietly():
    """Import TensorFlow without its start-up log lines, which a notebook would store as errors.

    The C++ logger writes to file descriptor 2 before Python can set a level, so the descriptor itself points at the null
    device while the import runs. An exception during the import still reaches the reader.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # stderr is closed: then 2 stays on the null device, so that no file gets that number and log lines with it
        saved = None
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        import keras
        import tensorflow  # noqa: F401
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)
        if null != 2:
            os.close(null)
    if keras.backend.backend() != "tensorflow":
        raise ImportError(
            f"Keras runs on {keras.backend.backend()}, expected tensorflow: set the environment variable KERAS_BACKEND=tensorflow "
            "(or mend keras.json) and start Python again"
        )


_import_tensorflow_quietly()

from .layers import GNALU, INALU, NAC, NALU, NAU, NMU, NPU, NACLog, RealNPU
from .training import TrainingDiverged, fit, fit_many, fit_seeds, fit_stream

__all__ = [
    "GNALU",
    "INALU",
    "NAC",
    "NACLog",
    "NALU",
    "NAU",
    "NMU",
    "NPU",
    "RealNPU",
    "TrainingDiverged",
    "fit",
    "fit_many",
    "fit_seeds",
    "fit_stream",
]
__version__ = "0.1.0"
