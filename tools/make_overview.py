"""Make the README's pictures: docs/overview.png out of figures that are stored in the notebooks, the others out of the site.

python tools/make_overview.py          after `make notebooks`
python tools/make_overview.py --site   after `make html` too; needs Chromium and the extra `browser`
"""

import argparse
import base64
import io
import sys
from pathlib import Path

import nbformat
from PIL import Image

ROOT = Path(__file__).parent.parent
FIGURES = {
    "00_start_here": "Figure: A NAC goes on adding",
    "05_training_a_nalu_to_multiply": "Figure: Most seeds plunge",
}
SITE = {"site.png": "index.html", "playground.png": "notebooks/12_playground.html"}


def figure(name, words):
    """The stored picture of notebook `name` whose text begins with `words`, on white. Raises StopIteration when there is none."""
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    outputs = (output.data for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {}))
    png = next(data["image/png"] for data in outputs if data["text/plain"].startswith(words))
    drawn = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")


def overview():
    pictures = [figure(*which) for which in FIGURES.items()]
    width, gap = max(picture.width for picture in pictures), 24
    page = Image.new("RGB", (width, sum(picture.height + gap for picture in pictures) - gap), "white")
    top = 0
    for picture in pictures:
        page.paste(picture, (0, top))
        top += picture.height + gap
    page.save(ROOT / "docs" / "overview.png", optimize=True)


def of_the_site():
    """The front page as it opens, and the playground after it has trained."""
    sys.path.insert(0, str(ROOT))
    from tests.browser import lab

    with lab.chromium() as browser:
        for name, path in SITE.items():
            page = browser.new_page(viewport={"width": 1180, "height": 900})
            page.goto((ROOT / "build" / "html" / path).as_uri())
            shown = page.locator(".explorer").first
            shown.wait_for()
            if name == "playground.png":
                shown.get_by_role("button", name="Train").click()
                shown.locator(".line", has_text="Seeds: 8, steps: 5,000.").wait_for(timeout=60_000)
                shown.screenshot(path=ROOT / "docs" / name)
            else:
                page.screenshot(path=ROOT / "docs" / name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", action="store_true", help="the pictures of the site, too")
    asked = parser.parse_args()
    overview()
    if asked.site:
        of_the_site()
