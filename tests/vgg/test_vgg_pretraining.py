"""The network that teaches the base to see: what it answers, that it learns, that its base can be reused."""

import numpy as np
import pytest

from ladder.drawings.formula_pens import PARTS
from ladder.drawings.formula_scenes import ANSWERS, draw_scenes, targets_of
from ladder.training.runtime import keras
from ladder.vgg import vgg16
from ladder.vgg.pretraining import build_pretraining_model, build_untrained_base, compile_for_pretraining

SIZE, COUNT, STEPS = 32, 8, 6


@pytest.fixture
def base():
    keras.utils.set_random_seed(1)
    return build_untrained_base(SIZE, np.random.default_rng(1), "float32")


@pytest.fixture
def model(base):
    return build_pretraining_model(base, len(PARTS), ANSWERS)


def test_it_answers_every_question_in_the_shape_of_the_targets(model):
    scenes = draw_scenes([1], COUNT, SIZE)
    answers = model.predict_on_batch(scenes.images.astype(np.float32))
    targets = targets_of(scenes)
    assert answers.keys() == targets.keys()
    for name, target in targets.items():
        choices = name in ("cells", "held")
        assert (answers[name].shape[:-1] if choices else answers[name].shape) == target.shape, name


def test_training_moves_all_convolutions_and_lowers_the_loss(base, model):
    scenes = draw_scenes([1], COUNT, SIZE)
    images, targets = scenes.images.astype(np.float32), targets_of(scenes)
    compile_for_pretraining(model, STEPS, 1e-3)
    before = {layer.name: layer.get_weights() for layer in base.layers}
    losses = [model.train_on_batch(images, targets, return_dict=True)["loss"] for _ in range(STEPS)]
    assert losses[-1] < 0.8 * losses[0]
    for layer in base.layers:
        for old, new in zip(before[layer.name], layer.get_weights(), strict=True):
            assert np.any(old != new), layer.name


def test_the_learning_rate_warms_up_and_falls_to_zero(model):
    compile_for_pretraining(model, 200, 1e-3)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in range(201)]
    assert rates[0] == 0 and np.argmax(rates) == 6 and max(rates) == pytest.approx(1e-3)
    assert rates[200] == pytest.approx(0, abs=1e-9) and np.all(np.diff(rates[6:]) <= 0)


def test_a_base_in_half_precision_gives_nearly_the_same_features(base, tmp_path):
    images = draw_scenes([2], COUNT, SIZE).images.astype(np.float32)
    exact = vgg16.build_feature_extractor(base).predict_on_batch(images)
    vgg16.save_base(base, tmp_path / "half.npz", np.float16)
    half = vgg16.build_feature_extractor(vgg16.load_base(SIZE, tmp_path / "half.npz"))
    error = np.linalg.norm(half.predict_on_batch(images) - exact) / np.linalg.norm(exact)
    assert 0 < error < 0.01
