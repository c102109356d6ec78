"""Everything the notebooks import: units that can count, toy data, training, errors, figures, and answers to exercises.

An hour with three of them shows all that learns: `layers` (the units, an equation each), `training` (the one update, and `fit`) and
`many` (`fit_many`: hundreds of runs side by side). Around them stand `data` and `expression` (what is to be learned), `metrics`, `plots`,
`explorers`, `checks` (answers to the exercises), and for long measurements `results` (tables and how they were made), `speed`,
`field` (the field's benchmark), `fair` (every unit at its best) and `benchmark` (the command line). `paper` holds the paper's
experiments, a module each.
"""

import gc
import os
import sys


def _import_tensorflow_quietly():
    """Import Keras and what it runs on, TensorFlow unless KERAS_BACKEND says otherwise, without TensorFlow's start-up log lines, which a
    notebook would store as errors.

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
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)
        if null != 2:
            os.close(null)
    return keras.backend.backend()


_backend = _import_tensorflow_quietly()

from .layers import DMU, GNALU, INALU, MCFC, NAC, NALU, NAU, NMRU, NMU, NPU, NRU, SNMU, NACLog, RealNPU, RealNPUModified

if _backend == "tensorflow":
    from .many import Runs, fit_many
    from .training import TrainingDiverged, fit
else:

    def __getattr__(name):
        """The layers run on every backend of Keras, training on TensorFlow alone."""
        if name in __all__:
            raise ImportError(
                f"nalu_helpers.{name} needs Keras on TensorFlow, and Keras runs on {_backend}: set the environment variable "
                "KERAS_BACKEND=tensorflow and start Python again, or train the layers with Keras' own model.fit"
            )
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "DMU",
    "GNALU",
    "INALU",
    "MCFC",
    "NAC",
    "NACLog",
    "NALU",
    "NAU",
    "NMRU",
    "NMU",
    "NPU",
    "NRU",
    "RealNPU",
    "RealNPUModified",
    "Runs",
    "SNMU",
    "TrainingDiverged",
    "fit",
    "fit_many",
]
__version__ = "0.1.0"
gc.freeze()  # what TensorFlow brought stays: to search it for garbage would hold up a picture for a quarter of a second
