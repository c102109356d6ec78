"""Renew constraints.txt: exact versions for every supported Python on Linux, macOS and Windows, without any address.

    python tools/make_pins.py

It resolves with uv, which it installs into a temporary folder.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEADER = """\
# Exact versions for Python 3.10 to 3.13 on Linux, macOS and Windows, used as constraints: pip install -c constraints.txt -e .
# To renew them: make pins
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "uv"], check=True)
        uv = next(path for path in (Path(folder) / "bin" / "uv", Path(folder) / "bin" / "uv.exe") if path.exists())
        resolve = [
            uv,
            "pip",
            "compile",
            "pyproject.toml",
            "--universal",
            "--python-version",
            "3.10",
            "--all-extras",
            "--upgrade",
            "--quiet",
        ]
        resolve += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        pins = subprocess.run(resolve, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    unfinished = ROOT / "constraints.unfinished"
    unfinished.write_text(HEADER + pins, encoding="utf-8")
    os.replace(unfinished, ROOT / "constraints.txt")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
