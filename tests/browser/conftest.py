"""The browser of the tests, and a screenshot of the page of a test that failed, named in the failure's output."""

import pytest

from . import lab


@pytest.fixture(scope="session")
def browser():
    pytest.importorskip("playwright.sync_api")
    with lab.chromium() as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None:
        path = lab.ROOT / "screenshots" / f"{item.name}.png"
        path.parent.mkdir(exist_ok=True)
        page.screenshot(path=path)
        report.sections.append(("Screenshot", str(path)))
    return report
