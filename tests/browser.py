"""A browser without a window, for tests of what a person sees and of what a page can do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # a click must not miss a page that is still scrolling
    "--window-size=1280,900",
)


@contextmanager
def chromium(profile: Path, *flags: str) -> Iterator["Chrome"]:
    """A Chromium with an empty profile in the folder `profile`; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium-driver)")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def wait_for_text(browser: "Chrome", text: str) -> None:
    """Wait until the page shows a text."""
    from selenium.webdriver.support.ui import WebDriverWait

    shown = "return document.body !== null && document.body.innerText.includes(arguments[0])"
    WebDriverWait(browser, 60).until(lambda browser: browser.execute_script(shown, text), f"no {text!r} in the page")
