"""Do the notebooks say the same on another machine? Runs them under a condition that another processor could bring, and compares.

    python tools/another_machine.py jitter-7                  all notebooks, every weight starting up to a millionth off
    python tools/another_machine.py avx2 notebooks/03*        some of them
    python tools/another_machine.py today                     one jitter and one other condition, on two notebooks each

Today's jitter has the date in UTC as its number. The notebooks and the other conditions take turns: in a week each notebook meets a jitter
and one other condition, in four weeks each condition.

jitter-N     each weight starts up to a millionth off, a fixed function of its value and of N: so much rounding may differ elsewhere
avx2, sse    XLA may use no newer instructions        no-onednn    TensorFlow's own kernels        one-core    a single core (Linux)

What is compared, and how exactly, is in conftest.py. Ends with 1 when a cell says something else, with 2 when a condition is unknown.
"""

import argparse
import datetime
import glob
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = str(Path(__file__).resolve())
ROOT = Path(HERE).parent.parent
ALL = sorted(map(str, ROOT.glob("notebooks/*.ipynb")))
MILLIONTH = 1e-6
ENVIRONMENTS = {
    "avx2": {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
    "sse": {"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
    "no-onednn": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "one-core": {},
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("condition", help=f"jitter-N, {', '.join(ENVIRONMENTS)}, or today")
    parser.add_argument("notebooks", nargs="*", help="all when none is named")
    given = parser.parse_args(arguments)
    given.notebooks = [path for name in given.notebooks for path in glob.glob(name) or [name]]  # Windows hands over notebooks/03* as it is
    if given.condition == "today":
        conditions = of_day(datetime.datetime.now(datetime.timezone.utc).date(), given.notebooks)
    elif given.condition in ENVIRONMENTS or re.fullmatch(r"jitter-\d+", given.condition):
        conditions = [(given.condition, given.notebooks or ALL)]
    else:
        parser.error(f"unknown condition {given.condition!r}, known are: jitter-1, jitter-2, …, {', '.join(ENVIRONMENTS)}, today")
    return max(run(*condition) for condition in conditions)


def of_day(date, named=()):
    """What a day runs: a jitter with the date as its number, and one of the other conditions; each with two of ALL, or those named."""
    day = date.toordinal()
    other = list(ENVIRONMENTS)[day % len(ENVIRONMENTS)]
    return [(f"jitter-{date:%Y%m%d}", named or ALL[day % 7 :: 7]), (other, named or ALL[(day + 1) % 7 :: 7])]


def run(condition, notebooks):
    """Run `notebooks` under `condition` and compare their outputs: 0 when all say the same, 1 otherwise."""
    print(f"== as on another machine: {condition}", flush=True)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-kernel-startup-timeout=300", "-q", *notebooks]
    if condition != "one-core":
        command += ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"]
    with tempfile.TemporaryDirectory() as profile:
        environment = os.environ | ENVIRONMENTS.get(condition, {})
        if condition.startswith("jitter-"):
            startup = Path(profile, "profile_default", "startup", "jitter.py")  # IPython runs it before the first cell
            startup.parent.mkdir(parents=True)
            startup.write_text(f"__import__('runpy').run_path({HERE!r})['jitter']({int(condition[7:])})\n", encoding="utf-8")
            environment["IPYTHONDIR"] = profile
        one_core = (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})) if condition == "one-core" else None
        return int(subprocess.run(command, env=environment, preexec_fn=one_core).returncode != 0)


def jitter(phase):
    """From now on each weight of each Keras layer starts up to a millionth off: w · (1 + 10⁻⁶ sin(10⁶ w + phase))."""
    import nalu_helpers  # noqa: F401  before Keras, so that TensorFlow's log lines stay out of the notebook
    import keras  # isort: skip
    import numpy as np  # isort: skip
    import tensorflow as tf

    add_weight = keras.layers.Layer.add_weight

    def off(value):
        w = np.asarray(value, "float64")
        return w * (1 + MILLIONTH * np.sin(w / MILLIONTH + phase))

    def jittered(self, *args, **kwargs):
        variable = add_weight(self, *args, **kwargs)
        if not keras.backend.is_float_dtype(variable.dtype):
            return variable
        first = variable._initializer
        if first is not None:  # it gets its numbers later: a layer that is built when its model is called for the first time
            variable._initializer = lambda shape, dtype=None: tf.cast(off(first(shape, dtype=dtype)), dtype)
        else:
            with tf.init_scope():  # a layer may be built while a graph is traced
                variable.assign(off(variable.numpy()))
        return variable

    keras.layers.Layer.add_weight = jittered


if __name__ == "__main__":
    sys.exit(main())
