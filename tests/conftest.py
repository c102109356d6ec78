"""What all tests share: the order of two imports, and a start of their own for random numbers."""

import nalu_helpers  # noqa: F401  before Keras, as in the notebooks, so that TensorFlow's log lines stay out of what the tests capture

import keras  # isort: skip
import pytest  # isort: skip


@pytest.fixture(autouse=True)
def begins_alike():
    """The weights a test makes are the same on every run, whichever tests ran before it in this process."""
    keras.utils.set_random_seed(0)
