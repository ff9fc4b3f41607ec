"""What a real browser learns in the report's page equals what NumPy learns, to 1e-6."""

import numpy as np
import pytest

pytest.importorskip("selenium", reason="Selenium is not installed: `make demo-setup`")

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from ladder.files.outputs import read_arrays
from ladder.files.params import read_params, read_seed
from ladder.files.streams import stream
from ladder.scratch.network import Layer, init
from ladder.scratch.trainer import ScratchTrainer
from stages import generate_celsius_data, report, train_linreg
from stages.train_moons import Moons, draw_splits
from tests.demo.browser import hosts_asked, logged_errors, start_chromium

pytestmark = pytest.mark.campaign
SECONDS = 60


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = start_chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.quit()


@pytest.fixture
def page(browser, folder, monkeypatch):
    """The browser with the page opened anew; in the end it may have logged no error nor asked a host."""
    monkeypatch.chdir(folder)
    report.main()
    browser.get("about:blank")
    browser.get((folder / "report/index.html").as_uri())
    yield browser
    assert logged_errors(browser) == []
    assert hosts_asked(browser) <= {None}


def of(page, name, selector):
    return page.find_element(By.CSS_SELECTOR, f"#train-{name} {selector}")


def button(page, name, text):
    return page.find_element(By.XPATH, f"//fieldset[@id='train-{name}']//button[text()='{text}']")


def turn(page, name, **values):
    """Type into knobs, and leave each by Tab."""
    for knob, value in values.items():
        whole = (Keys.CONTROL, "a", Keys.NULL, Keys.DELETE)
        of(page, name, f"[name={knob}]").send_keys(*whole, str(value), Keys.TAB)


def take_epochs(page, name, count):
    page.execute_script(f"for (let i = 0; i < {count}; i++) panels.{name}.model.step();")


def learned(page):
    """Weights and biases of the network in the page, one after another."""
    return np.array(page.execute_script("return panels.moons.model.layers.flat(2);"))


def learned_by_numpy(dtype, epochs, **changes):
    """The same of NumPy's network after some epochs, in `dtype`; `changes` are made to the parameters."""
    params, seed = read_params("moons", Moons).model_copy(update=changes), read_seed()
    points, labels = draw_splits(params, stream(seed, "train-moons/points"))["train"]
    start = init((2, *params.layers, 2), stream(seed, "train-moons/weights"))
    trainer = ScratchTrainer(
        [Layer(*(array.astype(dtype) for array in layer)) for layer in start],
        points.astype(dtype),
        labels,
        params.learning_rate,
        params.momentum,
        params.batch_size,
        lambda epoch: stream(seed, "train-moons/order", epoch),
        "params.yaml: moons",
    )
    for epoch in range(1, epochs + 1):
        trainer.run_epoch(epoch)
    return np.concatenate([np.vstack(layer).ravel() for layer in trainer.network])


def test_the_neuron_arrives_at_the_weights_of_the_stage(page):
    generate_celsius_data.main()
    train_linreg.main()
    model = read_arrays("models/linreg.npz")
    take_epochs(page, "neuron", read_params("linreg", train_linreg.Linreg).epochs)
    for name in ("weight", "bias"):
        found = page.execute_script(f"return panels.neuron.model.{name};")
        assert found == pytest.approx(float(model[name]), abs=1e-6)
    assert page.execute_script("return panels.neuron.model.limit;") == pytest.approx(1)


def test_the_network_arrives_at_the_weights_of_numpy(page):
    epochs = read_params("moons", Moons).epochs
    take_epochs(page, "moons", epochs)
    found = learned(page)
    np.testing.assert_allclose(found, learned_by_numpy(np.float64, epochs), rtol=0, atol=1e-6)
    # The stage computes with float32: rounding adds up over some thousand batches.
    np.testing.assert_allclose(found, learned_by_numpy(np.float32, epochs), rtol=0, atol=1e-3)


def test_with_other_knobs_it_learns_what_the_pipeline_would(page):
    turn(page, "moons", rate=0.5, units=5, noise=0.35)
    take_epochs(page, "moons", 20)
    expected = learned_by_numpy(np.float64, 20, learning_rate=0.5, layers=[5], noise=0.35)
    np.testing.assert_allclose(learned(page), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["neuron", "moons"])
def test_it_plays_and_pauses_by_keyboard_and_says_where_it_stands(page, name):
    turn(page, name, epochs=12)
    status, play = of(page, name, "[role=status]"), button(page, name, "Play")
    assert status.text.startswith("Epoch 0: loss ")
    play.send_keys(Keys.SPACE)
    assert (play.text, status.get_attribute("aria-live")) == ("Pause", "off")
    WebDriverWait(page, SECONDS).until(lambda _: play.text == "Play")
    assert status.text.startswith("Epoch 12: loss ")
    assert status.get_attribute("aria-live") == "polite"
    assert name == "neuron" or "accuracy" in status.text

    button(page, name, "Step").send_keys(Keys.ENTER)
    assert status.text.startswith("Epoch 13: ")
    button(page, name, "Reset").send_keys(Keys.ENTER)
    assert status.text.startswith("Epoch 0: ")
    turn(page, name, epochs=900)
    play.send_keys(Keys.SPACE)
    WebDriverWait(page, SECONDS).until(lambda _: not status.text.startswith("Epoch 0:"))
    play.send_keys(Keys.SPACE)
    assert play.text == "Play"
    assert page.execute_script(f"return panels.{name}.timer;") is False
    assert 0 < int(status.text.split(":")[0].removeprefix("Epoch ")) < 900


def test_past_the_limit_the_path_leaves_the_picture(page):
    turn(page, "neuron", rate=1.05, epochs=30)
    take_epochs(page, "neuron", 29)
    button(page, "neuron", "Step").click()
    losses = page.execute_script("return panels.neuron.model.losses;")
    assert losses == sorted(losses) and losses[-1] > 100 * losses[0]
    status = of(page, "neuron", "[role=status]").text
    assert "The learning rate is not below the limit 2 / λmax = 1.000" in status
    last = of(page, "neuron", "polyline").get_attribute("points").rpartition(",")[2]
    assert not 0 <= float(last) <= 200


def test_a_knob_keeps_to_what_is_allowed(page):
    turn(page, "moons", units=7.4, noise=-3, rate="")
    for knob, value in {"units": "7", "noise": "0", "rate": "1"}.items():
        assert of(page, "moons", f"[name={knob}]").get_property("value") == value


def test_everything_has_a_name(page):
    controls = page.find_elements(By.CSS_SELECTOR, "#train :is(fieldset, input, button, [role=img])")
    assert len(controls) == 2 + 6 + 6 + 4 and all(control.accessible_name for control in controls)
    for picture in page.find_elements(By.CSS_SELECTOR, "#train [role=img]"):
        said = page.find_element(By.ID, picture.get_attribute("aria-describedby"))
        assert said.text.startswith("Epoch 0: ")


def test_without_javascript_a_sentence_leads_to_the_pictures(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        section = page.find_element(By.ID, "train")
        assert "JavaScript, which is off" in section.text and "Play" not in section.text
        assert page.find_element(By.CSS_SELECTOR, "#neuron img").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
