"""What tests in a real browser share: where the built book lies, and how a page is opened."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
HTML = ROOT / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [  # keep Chromium itself from asking for anything, and let it run as root
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def missing(reason):
    """Skip, unless this is the machine that is there to run these checks."""
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@contextmanager
def chromium():
    """Chromium, or Google Chrome, or playwright's own."""
    with sync_playwright() as playwright:
        installed = [*map(shutil.which, BROWSERS), playwright.chromium.executable_path]
        path = next((path for path in installed if path and Path(path).exists()), None)
        if path is None:
            missing(f"no browser: none of {', '.join(BROWSERS)}, nor playwright's own")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser, address, **options):
    """Open a page, wait until its scripts and formulas are done, and note what it complains of.

    Options are those of playwright's `new_page`.
    """
    page = browser.new_page(**{"color_scheme": "light", "reduced_motion": "reduce"} | options)
    page.complaints, page.requests = [], []
    page.on(
        "console",
        lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda request: page.complaints.append(f"failed: {request.url}"))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(address, wait_until="load")
    if options.get("java_script_enabled", True):
        page.wait_for_function("!window.MathJax || window.MathJax.startup.promise")
        page.evaluate("() => window.MathJax && MathJax.startup.promise")
    yield page
    page.close()
