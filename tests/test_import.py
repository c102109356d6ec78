"""`import nalu_helpers` is quiet and works wherever Python does."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(code, close=""):
    """Run `code` in a fresh Python, with the shell's file descriptors in `close` shut."""
    command = f'"$0" -c "$1" {close}'
    asked = ["/bin/sh", "-c", command, sys.executable, code]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)


# A search for garbage leaves out what the import brought, and there is a second file descriptor again.
IMPORT = """
import gc, os, nalu_helpers
print(gc.get_freeze_count() > 10 * len(gc.get_objects()))
os.fstat(2)
print(nalu_helpers.NAC(1).units)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes file descriptors")
@pytest.mark.parametrize("close", ["", "2>&-"])
def test_the_import_is_quiet_and_needs_no_stderr(close):
    done = run(IMPORT, close)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout == "True\n1\n"
