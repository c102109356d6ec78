"""`import nalu_helpers` is quiet and works wherever Python does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(code, close="", **environment):
    """Run `code` in a fresh Python, with the shell's file descriptors in `close` shut."""
    command = f'"$0" -c "$1" {close}'
    asked = ["/bin/sh", "-c", command, sys.executable, code]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes file descriptors")
@pytest.mark.parametrize("close", ["", "2>&-"])
def test_the_import_is_quiet_and_needs_no_stderr(close):
    done = run("import os, nalu_helpers; os.fstat(2); print(nalu_helpers.NAC(1).units)", close)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout == "1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_another_backend_is_refused_in_one_sentence():
    done = run("import nalu_helpers", KERAS_BACKEND="jax")
    assert done.returncode == 1 and "ImportError: Keras runs on jax, expected tensorflow: set the environment variable" in done.stderr
