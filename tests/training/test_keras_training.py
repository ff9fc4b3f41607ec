"""The training loops around Keras: same arithmetic as `fit`, order from the seed, selection on validation."""

import io
import zipfile
from itertools import repeat

import numpy as np
import pytest

from ladder.digits.networks import build_dense, count_parameters
from ladder.files.errors import InputError
from ladder.files.progress import Progress
from ladder.training.batched_epochs import BatchedEpochs, TrainingStep
from ladder.training.checkpoints import Checkpoint, fingerprint
from ladder.training.keras_archive import load_keras, save_keras
from ladder.training.loop import train
from ladder.training.runtime import keras
from ladder.training.training_log import TrainingLog
from ladder.training.whole_epochs import WholeEpochs

ITEMS, INPUTS = 50, 6


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Checkpoints lie in the present folder."""
    monkeypatch.chdir(tmp_path)


def data(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((ITEMS, INPUTS), np.float32)
    labels = (x[:, :3].sum(axis=1) > x[:, 3:].sum(axis=1)).astype(np.int64)
    return x, labels, np.eye(2, dtype=np.float32)[labels]


def network(seed=3, **options):
    keras.utils.set_random_seed(seed)
    return build_dense([8, 8], "relu", classes=2, inputs=INPUTS, **options)


def order(epoch):
    return np.random.default_rng([5, epoch])


def whole_epochs(model, optimizer, batch_size):
    x, labels, _ = data()
    return WholeEpochs(model, optimizer, lambda first: repeat(x), labels, batch_size, order)


def batched_epochs(model, optimizer, batch_size, **options):
    x, _, y = data()
    make_batch = options.pop("make_batch", lambda items, *_: (x[items], y[items]))
    return BatchedEpochs(model, optimizer, make_batch, ITEMS, batch_size, order, **options)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_whole_epochs_compute_what_fit_computes(optimizer):
    x, _, y = data()
    ours, theirs = network(), network()
    theirs.compile(optimizer(0.01), "categorical_crossentropy", metrics=["accuracy"])
    trainer = whole_epochs(ours, optimizer(0.01), 8)  # the last batch has 2 items
    for epoch in (1, 2, 3):
        loss, accuracy = trainer.run_epoch(epoch)
        items = order(epoch).permutation(ITEMS)
        history = theirs.fit(x[items], y[items], batch_size=8, shuffle=False, verbose=0).history
        assert loss == pytest.approx(history["loss"][0], abs=1e-5)
        assert accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(trainer.predict(x), theirs.predict(x, verbose=0), atol=1e-5)


def test_dropout_and_batch_normalisation_work_in_whole_epochs_and_repeat():
    results = []
    for _ in range(2):
        model = network(dropout=0.3, batch_normalization=True)
        first = model.get_weights()
        whole_epochs(model, keras.optimizers.Adam(0.01), 10).run_epoch(1)
        results.append(model.get_weights())
        assert any(np.any(a != b) for a, b in zip(first, model.get_weights(), strict=True))
    moving_mean = [v.path for v in model.non_trainable_variables if "moving_mean" in v.path]
    assert len(moving_mean) == 2
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("layers", "trainable", "total"), [([128, 128, 128], 134_794, 404_384), ([128, 64], 109_386, 328_160)]
)
def test_parameter_counts_of_the_published_networks(layers, trainable, total):
    model, optimizer = build_dense(layers, "relu"), keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    assert count_parameters(model, optimizer) == {
        "parameters_trainable": trainable,
        "parameters_with_optimizer": total,
    }


def new_log(epochs, patience=9):
    return TrainingLog(Progress("test", epochs), patience, Checkpoint("test", fingerprint()))


def test_batches_cover_every_item_once_in_an_order_of_the_seed():
    x, labels, y = data()
    seen = []

    def make_batch(items, epoch, step):
        seen.append((epoch, step, items.tolist()))
        return x[items], y[items]

    train(
        batched_epochs(network(), keras.optimizers.SGD(), 16, make_batch=make_batch), (x, labels), new_log(2)
    )
    first = seen.copy()
    assert [(epoch, step) for epoch, step, _ in first] == [(e, s) for e in (1, 2) for s in range(4)]
    by_epoch = [[i for epoch, _, items in first if epoch == e for i in items] for e in (1, 2)]
    assert all(sorted(order) == list(range(ITEMS)) for order in by_epoch)
    assert by_epoch[0] != by_epoch[1]
    seen.clear()
    Checkpoint("test", fingerprint()).discard()
    train(
        batched_epochs(network(), keras.optimizers.SGD(), 16, make_batch=make_batch), (x, labels), new_log(2)
    )
    assert seen == first


def test_training_figures_are_means_over_the_whole_epoch():
    x, labels, y = data()
    model, log = network(), new_log(1)
    train(batched_epochs(model, keras.optimizers.SGD(0.0), 16), (x, labels), log)
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    expected = model.evaluate(x, y, batch_size=ITEMS, verbose=0)
    measured = [log.history[name][0] for name in ("train_loss", "train_accuracy")]
    assert measured == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_a_training_step_computes_what_train_on_batch_computes(optimizer):
    x, _, y = data()
    ours, theirs = network(), network()
    theirs.compile(optimizer(0.01), "categorical_crossentropy", metrics=["accuracy"])
    update = TrainingStep(ours, optimizer(0.01), 16)
    for start in (0, 16, 32, 48):  # the last batch has 2 items
        batch = x[start : start + 16], y[start : start + 16]
        assert update(*batch, len(batch[0])) == pytest.approx(theirs.train_on_batch(*batch), abs=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def probabilities(correct, confidence):
    """Five items of class 0, of which `correct` are right, all with this confidence."""
    right = np.arange(5) < correct
    return np.stack(
        [np.where(right, confidence, 1 - confidence), np.where(right, 1 - confidence, confidence)], 1
    )


def test_the_log_keeps_the_best_epoch_on_validation_and_stops_after_patience():
    labels = np.zeros(5, np.int64)
    given = [(3, 0.8, 1), (4, 0.6, 2), (4, 0.7, 3), (2, 0.9, 4)]
    given += [(4, 0.75, 5), (2, 0.9, 6), (3, 0.9, 7), (5, 0.9, 8)]  # 5: as accurate with a lower loss
    log = new_log(9, patience=2)
    for _, (correct, confidence, weight) in zip(log.epochs(), given, strict=False):
        log.record((1.0, 0.1), probabilities(correct, confidence), labels, [np.array(weight)])
    assert (log.kept_epoch, log.kept_weights) == (5, [5])
    assert log.history["epoch"] == [1, 2, 3, 4, 5, 6, 7]
    assert log.history["val_accuracy"] == pytest.approx([0.6, 0.8, 0.8, 0.4, 0.8, 0.4, 0.6])


def test_a_saved_model_has_the_same_bytes_each_time_and_computes_the_same(tmp_path):
    x, _, _ = data()
    model, compiled = network(), network()
    compiled.compile("adam", "categorical_crossentropy")
    save_keras(model, tmp_path / "a.keras")
    save_keras(compiled, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    np.testing.assert_array_equal(load_keras(tmp_path / "a.keras")(x), model(x))


def test_a_model_that_carries_code_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(InputError, match=r"code\.keras: not a loadable Keras model"):
        load_keras(tmp_path / "code.keras")


@pytest.mark.parametrize("content", [b"", b"text", "zip"])
def test_what_is_no_model_is_refused(tmp_path, content):
    if content == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("other.txt", "no model")
        content = buffer.getvalue()
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.keras: not a loadable Keras model"):
        load_keras(tmp_path / "model.keras")
