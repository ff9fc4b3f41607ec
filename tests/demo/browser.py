"""A real Chromium without a window, that says which errors it logged and what it asked the network for."""

import json
import os
import re
import shutil
from urllib.parse import urlsplit

import pytest
from selenium import webdriver

OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1000",
)


def start_chromium(profile):
    """Chromium with an empty folder as its profile; skips the test where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("no chromium with chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(driver))


# Gradio asks how far an upload is that has ended already or was refused, gets 404 and logs it twice.
UPLOAD_IS_OVER = re.compile(r"/upload_progress\?.* 404 |/assets/index-\S+ \S+ Response$")


def logged_errors(browser):
    """What the console says of errors since it was last asked."""
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    return [error for error in errors if not UPLOAD_IS_OVER.search(error)]


def hosts_asked(browser):
    """The hosts of all requests of pages since it was last asked; Chromium's own pages have none."""
    hosts = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            parameters = message["params"]
            url = urlsplit(parameters["request"]["url"] if "request" in parameters else parameters["url"])
            if url.scheme not in ("data", "blob", "chrome"):
                hosts.add(url.hostname)
    return hosts
