"""Make docs/overview.png, the README's picture, out of figures that are stored in the notebooks.

python tools/make_overview.py
"""

import base64
import io
from pathlib import Path

import nbformat
from PIL import Image

ROOT = Path(__file__).parent.parent
FIGURES = {
    "00_start_here": "Figure: A NAC goes on adding",
    "05_training_a_nalu_to_multiply": "Figure: Most seeds plunge",
}


def figure(name, words):
    """The stored picture of notebook `name` whose text begins with `words`. Raises StopIteration when there is none."""
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    outputs = (output.data for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {}))
    png = next(data["image/png"] for data in outputs if data["text/plain"].startswith(words))
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


def main():
    pictures = [figure(*which) for which in FIGURES.items()]
    width, gap = max(picture.width for picture in pictures), 24
    page = Image.new("RGB", (width, sum(picture.height + gap for picture in pictures) - gap), "white")
    top = 0
    for picture in pictures:
        page.paste(picture, (0, top))
        top += picture.height + gap
    page.save(ROOT / "docs" / "overview.png", optimize=True)


if __name__ == "__main__":
    main()
