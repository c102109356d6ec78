"""Make docs/playground.png, the README's second picture: the playground in JupyterLab, after a training.

python -m tests.browser.picture
"""

import tempfile

from playwright.sync_api import sync_playwright

from . import lab


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        name = lab.write_explorer(folder, "playground")
        with lab.running(folder) as address:
            browser = playwright.chromium.launch(executable_path=lab.BROWSER, args=lab.FLAGS.split())
            page = browser.new_page(viewport={"width": 1300, "height": 1100})
            lab.open_and_run(page, address, name)
            page.get_by_role("button", name="Train").click()
            page.get_by_text("Seeds: 8, steps: 5,000.").wait_for(timeout=lab.PATIENCE)
            page.mouse.move(0, 0)
            page.locator(".jp-OutputArea-output").last.screenshot(path="docs/playground.png")
            browser.close()


if __name__ == "__main__":
    main()
