"""The helpers come before Keras here, as in the notebooks, so that TensorFlow's log lines stay out of what the tests capture."""

import nalu_helpers  # noqa: F401
