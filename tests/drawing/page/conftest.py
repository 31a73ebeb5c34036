"""A browser for the tests of the page, and what makes any trouble in it a failure.

Without one the tests are skipped, with the reason; with the environment variable REQUIRE_BROWSER they fail instead.
"""

import os
import shutil

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
WIDE = {"width": 1280, "height": 800}


def missing(what):
    reason = f"NO BROWSER, so that the page of tg.explore is not tested: {what}"
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser():
    """One Chromium for all tests."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("pip install playwright")
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        missing("install Chromium or Chrome")
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        except Error as error:
            missing(f"{executable} does not start: {error}")
        yield launched
        launched.close()


@pytest.fixture
def visit(browser):
    """`visit(path, **options)` opens a file in a window of its own; at the end, all that went wrong in any is told."""
    troubles, contexts = [], []

    def opened(path, viewport=WIDE, **options):
        context = browser.new_context(viewport=viewport, reduced_motion="reduce", **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda request: request.url != path.as_uri() and troubles.append(f"asks for {request.url}"))
        page.goto(path.as_uri())
        page.wait_for_selector("#status:not(:empty)")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not troubles
