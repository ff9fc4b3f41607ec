"""The demo page as a real browser sees it, on models whose answers are computed here too."""

import contextlib
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ladder.digits.images import CLASS_NAMES
from ladder.drawings.driver_scenes import draw_clip
from ladder.drivers.images import load_image
from tests.demo.demo_page import SECONDS, make_models, start_page, stop_page, unused_port
from tools.demo.__main__ import HOST

pytest.importorskip("gradio", reason="Gradio is not installed: `make demo-setup`")
pytest.importorskip("selenium", reason="Selenium is not installed: `make demo-setup`")

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ladder.predict.celsius import load_line
from ladder.predict.digits import DigitNetworks, read_digit
from ladder.predict.drivers import DriverClassifier
from ladder.predict.outputs import Outputs
from tests.demo.browser import hosts_asked, logged_errors, start_chromium
from tests.tiny_models import SIZE
from tools.demo.drawing_pad import read_drawing
from tools.demo.drivers_tab import TITLES

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with contextlib.chdir(folder):
        make_models(folder)
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def address(browser, folder):
    """Where the page is; in the end nothing may have been said on the terminal, nor be left on the disk."""
    port = unused_port()
    process, said = start_page(folder, port)
    assert said[-1] == f"the page is at http://{HOST}:{port}; Ctrl-C ends it"
    yield f"http://{HOST}:{port}"
    assert stop_page(process) == ("stopped\n", "") and process.returncode == 0
    assert list((folder / "temporary").iterdir()) == []


@pytest.fixture
def page(browser, address):
    """The page, opened anew; in the end it may not have logged an error nor have asked another host."""
    browser.get("about:blank")
    logged_errors(browser)  # of requests that ended because their page was left
    browser.get(address)

    def find(selector):
        return until(lambda: browser.find_elements(By.CSS_SELECTOR, selector))[0]

    def until(condition):
        return WebDriverWait(browser, SECONDS).until(lambda _: condition())

    def open_tab(name):
        tabs = '[role="tab"]'
        find(tabs)
        next(tab for tab in browser.find_elements(By.CSS_SELECTOR, tabs) if tab.text == name).click()

    def text(selector):
        return browser.execute_script(
            "return document.querySelector(arguments[0])?.innerText ?? ''", selector
        )

    yield SimpleNamespace(browser=browser, find=find, until=until, open_tab=open_tab, text=text)
    assert hosts_asked(browser) == {HOST}
    assert logged_errors(browser) == []


def shown_first(page, selector):
    """The class and the share that a label shows first, or None."""
    lines = page.text(selector).split("\n")
    at = next((number for number, line in enumerate(lines) if line.endswith("%")), None)
    return at and (lines[at - 1], lines[at])


def first(names, probabilities):
    """What a label must show first."""
    best = probabilities.argmax()
    return names[best], f"{probabilities[best] * 100:.0f}%"


def draw(page, *places):
    """Move the mouse over the pad from place to place, each (x, y) in pixels from its middle, button held."""
    mouse = ActionChains(page.browser, duration=20)
    (x, y), *others = places
    mouse.move_to_element_with_offset(page.find("#pad canvas"), x, y).click_and_hold()
    for to_x, to_y in others:
        mouse.move_by_offset(to_x - x, to_y - y)
        x, y = to_x, to_y
    mouse.release().perform()


def seen_pixels(page):
    """What the page shows as read, as the browser has decoded it: grey levels [28, 28]."""
    page.find("#seen img")
    rgba = page.browser.execute_script("""
        const picture = document.querySelector("#seen img");
        const copy = new OffscreenCanvas(28, 28).getContext("2d");
        copy.drawImage(picture, 0, 0);
        return picture.naturalWidth == 28 && Array.from(copy.getImageData(0, 0, 28, 28).data);
    """)
    return np.array(rgba).reshape(28, 28, 4)[..., 0] if rgba else np.zeros((28, 28))


def test_three_networks_answer_what_is_drawn(page, folder):
    with contextlib.chdir(folder):
        networks = DigitNetworks(Outputs())
    answers = []
    for places in ([(0, -90), (0, 0), (0, 90)], [(-80, -60), (80, -60), (-60, 80)]):
        draw(page, *places)
        drawing = page.browser.execute_script("return document.querySelector('#pad canvas').toDataURL()")
        reading = read_digit(read_drawing(drawing))
        found = networks.predict(reading.image[np.newaxis])
        expected = {name: first(CLASS_NAMES, of_all[0]) for name, of_all in found.items()}
        page.until(lambda: expected == {name: shown_first(page, f"#{name}") for name in expected})  # noqa: B023
        assert page.text("#how") == f"What the networks see: {reading.how}."
        page.until(lambda: (seen_pixels(page) == reading.image).all())  # noqa: B023
        answers.append(expected)
        page.find("#pad button").click()
        page.until(lambda: not any(shown_first(page, f"#{name}") for name in expected))  # noqa: B023
    assert answers[0] != answers[1]


def test_they_answer_before_the_stroke_ends(page):
    mouse = ActionChains(page.browser)
    mouse.move_to_element(page.find("#pad canvas")).click_and_hold().move_by_offset(40, 40).perform()
    page.until(lambda: shown_first(page, "#mnist"))
    ActionChains(page.browser).release().perform()


def test_the_slider_moves_along_the_learned_line(page, folder):
    with contextlib.chdir(folder):
        weight, bias = load_line(Outputs())
    page.open_tab("Celsius")
    slider = page.find("#celsius input[type=range]")
    before = page.find("#line img").get_attribute("src")
    ActionChains(page.browser).drag_and_drop_by_offset(slider, slider.size["width"] // 5, 0).perform()
    celsius = float(slider.get_property("value"))
    assert celsius > 50
    page.until(
        lambda: page.text("#fahrenheit").startswith(f"{celsius:g} °C = {weight * celsius + bias:.2f} °F")
    )
    page.until(lambda: page.find("#line img").get_attribute("src") != before)


def upload(page, path):
    page.open_tab("Drivers")
    page.find("#picture input[type=file]").send_keys(str(path))


def test_a_driver_picture_gets_its_class_and_a_heat_map(page, folder):
    path = folder / "driver.png"
    Image.fromarray(draw_clip(1, 0, 3, 1, 96)[0]).save(path)
    with contextlib.chdir(folder):
        probabilities = DriverClassifier(Outputs()).predict(load_image(path, SIZE)[np.newaxis])[0]
    upload(page, path)
    page.until(lambda: shown_first(page, "#drivers") == first(TITLES, probabilities))
    heat = page.find("#heat img")
    page.until(lambda: heat.get_property("naturalWidth") == SIZE == heat.get_property("naturalHeight"))


def png_that_promises(side):
    """A PNG of a few bytes whose head says side × side pixels."""
    head = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(100))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.jpg", b"no picture\n", "text.jpg: not a readable image"),
        ("bomb.png", png_that_promises(12_000), "bomb.png: 12000×12000 pixels; allowed are 50,000,000"),
        ("huge.png", png_that_promises(90_000), "huge.png: more than 200,000,000 pixels"),
        ("heavy.png", bytes(21 * 2**20), "exceed the maximum allowed size of 20.0"),
    ],
    ids=("text", "bomb", "huge", "heavy"),
)
def test_a_file_that_is_no_fit_picture_is_refused_on_the_page(page, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    upload(page, tmp_path / name)
    page.until(lambda: said in page.text(".toast-body"))
    assert str(tmp_path) not in page.text(".toast-body") and "/" not in page.text(".toast-body")
    assert shown_first(page, "#drivers") is None


def test_revisions_are_compared_and_unknown_ones_refused(page):
    page.open_tab("Revisions")
    page.find("#compare").click()
    page.until(lambda: page.find("#table table"))
    assert "train_mnist" in page.text("#table") and "same" in page.text("#table")
    revision = page.find("#revision input")
    revision.click()
    revision.send_keys(Keys.CONTROL, "a")
    revision.send_keys("no<b>where", Keys.ENTER)
    page.find("#compare").click()
    page.until(lambda: "'no<b>where' is no revision of this repository" in page.text(".toast-body"))
    page.until(lambda: page.text("#table") == "")
