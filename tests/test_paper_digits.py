"""Digits counted and added: the images, the truth of a sequence, the recurrence, and one clear sentence for what cannot be used."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf

from nalu_helpers import NAC, NMU
from nalu_helpers.paper import digits as experiment


@pytest.fixture(scope="module")
def digits():
    return experiment.load()


def test_the_digits_are_small_pictures_with_a_label(digits):
    assert digits.x_train.shape[1:] == digits.x_test.shape[1:] == (8, 8, 1)
    assert len(digits.x_train) + len(digits.x_test) == len(digits.y_train) + len(digits.y_test) == 1797
    assert digits.x_train.dtype == digits.x_test.dtype == "float32"
    assert digits.x_train.min() == digits.x_test.min() == 0 and digits.x_train.max() == digits.x_test.max() == 1
    assert set(digits.y_train.tolist()) == set(digits.y_test.tolist()) == set(range(10))


def test_no_image_of_the_test_is_seen_in_training(digits):
    seen = {image.tobytes() for image in digits.x_train}
    assert not seen & {image.tobytes() for image in digits.x_test}


def test_training_and_test_hold_every_digit_in_the_same_share(digits):
    train, test = (np.bincount(labels) / len(labels) for labels in (digits.y_train, digits.y_test))
    np.testing.assert_allclose(train, test, atol=0.003)


def test_the_same_images_every_time(digits):
    again = experiment.load("sklearn")
    np.testing.assert_array_equal(again.x_test, digits.x_test)
    np.testing.assert_array_equal(again.y_train, digits.y_train)


def test_an_unknown_source_or_share_is_named():
    with pytest.raises(ValueError, match=r"source is 'mnits', known are: 'sklearn', 'mnist'. Did you mean 'mnist'\?"):
        experiment.load("mnits")
    for share in (0.0, 1.5, 1, "half"):
        with pytest.raises(ValueError, match="test_share is .*, expected a share of the images"):
            experiment.load(test_share=share)


def as_mnist(monkeypatch, load_data):
    monkeypatch.setattr(keras.datasets.mnist, "load_data", load_data)


def small_mnist():
    rng = np.random.default_rng(0)
    part = lambda count: (rng.integers(256, size=(count, 28, 28), dtype="uint8"), np.arange(count, dtype="uint8") % 10)  # noqa: E731
    return part(40), part(20)


def raising(error):
    def load_data():
        raise error

    return load_data


def test_mnist_comes_in_its_own_split_and_the_models_take_its_size(monkeypatch):
    as_mnist(monkeypatch, small_mnist)
    mnist = experiment.load("mnist")
    assert mnist.x_train.shape == (40, 28, 28, 1) and mnist.x_test.shape == (20, 28, 28, 1)
    assert mnist.x_train.dtype == "float32" and 0 <= mnist.x_train.min() and mnist.x_train.max() <= 1
    table = experiment.run("counting", "NAC", seeds=[0], steps=1, source="mnist")
    assert len(table) == len(experiment.LENGTHS)


def test_without_a_network_one_sentence_says_so(monkeypatch):
    as_mnist(monkeypatch, raising(Exception("URL fetch failure on https://example.org/mnist.npz: None -- [Errno -3] no name")))
    with pytest.raises(
        OSError, match="MNIST is not on this machine and could not be downloaded .*: connect to a network, or take"
    ) as caught:
        experiment.load("mnist")
    assert caught.value.__suppress_context__ and "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [ValueError("Incomplete or corrupted file detected."), KeyError("x_train"), EOFError("No data left")])
def test_a_broken_download_says_which_file_to_delete(monkeypatch, error):
    as_mnist(monkeypatch, raising(error))
    with pytest.raises(
        ValueError, match=r"the downloaded copy of MNIST is broken .*: delete datasets/mnist.npz .* and try again"
    ) as caught:
        experiment.load("mnist")
    assert caught.value.__suppress_context__ and "\n" not in str(caught.value)


def test_a_truncated_file_in_the_cache_counts_as_broken(monkeypatch):
    as_mnist(monkeypatch, lambda: np.load(io.BytesIO(b"PK\x03\x04 and then nothing"), allow_pickle=False)["x_train"])
    with pytest.raises(ValueError, match="the downloaded copy of MNIST is broken"):
        experiment.load("mnist")


def test_a_sequence_is_worth_the_sum_of_its_images():
    labels = np.array([3, 3, 0, 9])
    assert experiment.worth("counting", labels).sum(axis=0).tolist() == [1, 0, 0, 2, 0, 0, 0, 0, 0, 1]
    assert (experiment.worth("counting 1 to 20", labels) == experiment.worth("counting", labels)).all()
    assert experiment.worth("addition", labels).sum(axis=0).tolist() == [15]
    assert experiment.worth("parity", labels)[:, 0].tolist() == [1, 1, 0, 1]
    assert experiment.worth("product", np.array([3, 3, 9])).prod(axis=0).tolist() == [81]
    with pytest.raises(ValueError, match="a 0, with which every product is 0: pass without_zeros"):
        experiment.worth("product", labels)


def test_in_sequences_of_1_to_20_images_the_other_places_are_blank_and_worth_nothing(digits, monkeypatch):
    given = {}
    monkeypatch.setattr(experiment, "fit_many", lambda make, draw, **how: given.update(draw=draw, **how))
    experiment.train("counting 1 to 20", "NAC", digits, seeds=[0])
    (chosen,) = given["draw"](np.random.default_rng(0), 50)
    there = chosen < len(digits.x_train)
    assert chosen.shape == (50, experiment.BATCH, 20) and set(there.sum(axis=-1).ravel()) == set(range(1, 21))
    counts = np.stack([np.bincount(digits.y_train[row[row < len(digits.x_train)]], minlength=10) for row in chosen[0]])
    seen = []
    assert float(given["cost"](lambda images: seen.append(images) or tf.constant(counts, "float32"), chosen[0])) == 0
    assert (seen[0].numpy().max(axis=(-3, -2, -1)) > 0).tolist() == there[0].tolist()


def test_without_zeros_all_other_images_are_there(digits):
    rest = experiment.without_zeros(digits)
    for x, y, kept, labels in (
        (digits.x_train, digits.y_train, rest.x_train, rest.y_train),
        (digits.x_test, digits.y_test, rest.x_test, rest.y_test),
    ):
        assert len(kept) == len(labels) == np.count_nonzero(y) and 0 not in labels
        np.testing.assert_array_equal(kept, x[y != 0])


@pytest.mark.parametrize("unit", [None, NMU(1)])
def test_a_perfect_product_multiplies_any_number_of_images(unit):
    product = experiment.Product(unit)
    product.build((None, 1))
    product.number.set_weights([np.ones((1, 1)), np.zeros(1)])
    if unit is not None:
        unit.set_weights([np.ones((2, 1))])
    factors = np.random.default_rng(0).uniform(0.5, 2, (4, 20, 1)).astype("float32")
    reader = experiment.Reader(experiment.make_convnet(), product)
    np.testing.assert_allclose(reader.read(tf.constant(factors)), factors.prod(axis=1), rtol=1e-4)


def test_a_perfect_total_counts_any_number_of_images():
    total = experiment.Total(NAC(10, W_hat_initializer=keras.initializers.Identity(40.0), M_hat_initializer="ones"))
    total.unit.build((None, 10))
    total.unit.set_weights([np.eye(10) * 40, np.full((10, 10), 40.0)])
    labels = np.random.default_rng(0).integers(10, size=(3, 1000))
    reader = experiment.Reader(experiment.make_convnet(), total)
    said = reader.read(tf.one_hot(labels, 10))
    np.testing.assert_allclose(said, [np.bincount(row, minlength=10) for row in labels], rtol=1e-6)


@pytest.mark.parametrize("task, model", [*(("counting", name) for name in experiment.OF_SUMS), ("product", "running product")])
def test_reading_in_a_loop_and_step_by_step_agree(task, model):
    reader = experiment.make_reader(task, model)
    images = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
    chosen = np.array([[0, 1, 2, 3, 3, 2, 1, 0, 0, 1], [3] * 10])
    np.testing.assert_allclose(reader(images[chosen]), reader.answer(images, chosen), rtol=1e-4, atol=1e-5)


def test_the_order_of_the_images_does_not_matter_to_a_total(digits):
    reader = experiment.make_reader("addition", "NAC")
    np.testing.assert_allclose(reader(digits.x_test[None, :9]), reader(digits.x_test[None, 8::-1]), rtol=1e-4, atol=1e-5)


def test_training_hears_nothing_of_single_images_but_their_sum(digits, monkeypatch):
    heard = {}
    monkeypatch.setattr(experiment, "fit_many", lambda make, draw, **how: heard.update(draw=draw, how=how))
    experiment.train("addition", "NAC", digits, seeds=[0], steps=2)
    (chosen,) = heard["draw"](np.random.default_rng(0), 3)
    assert chosen.shape == (3, experiment.BATCH, 10) and 0 <= chosen.min() and chosen.max() < len(digits.x_train)


def test_an_lstm_by_its_c_goes_through_the_same_states_as_an_lstm():
    f, states = np.random.default_rng(0).random((2, 3, 7), "float32"), np.random.default_rng(1).random((2, 3, 5), "float32")
    plain, by_its_c = keras.layers.LSTMCell(5), experiment.ByItsC(5)
    for cell in (plain, by_its_c):
        cell.build((3, 7))
    by_its_c.set_weights(plain.get_weights())
    _, (h, c) = plain(f[0], list(states))
    said, (c_again, h_again) = by_its_c(f[0], list(states[::-1]))
    for one, other in ((said, c), (c_again, c), (h_again, h)):
        np.testing.assert_array_equal(one, other)


def test_an_encoder_does_not_care_for_the_order_and_averages_or_adds_up(digits):
    f = np.random.default_rng(0).random((3, 6, 16), "float32")
    mean, total = experiment.Encoder(4), experiment.Encoder(4, total=True)
    np.testing.assert_allclose(mean(f), mean(f[:, ::-1]), rtol=1e-4, atol=1e-5)
    total.build(f.shape)
    total.set_weights(mean.get_weights())
    np.testing.assert_allclose(total(f), 6 * mean(f), rtol=1e-4, atol=1e-5)
    twice = np.concatenate([f, f], axis=1)  # everyone attends to the same mixture
    np.testing.assert_allclose(mean(twice), mean(f), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(total(twice), 2 * total(f), rtol=1e-4, atol=1e-5)


def test_answers_in_parts_are_the_answers(digits, monkeypatch):
    reader, chosen = experiment.make_reader("counting", "Transformer"), experiment.some_sequences(digits, 12, 10)
    whole = reader.answer(digits.x_test, chosen)
    monkeypatch.setattr(experiment, "AT_ONCE", 30)
    np.testing.assert_allclose(reader.answer(digits.x_test, chosen), whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", [0.7, -0.7, 0.0])
def test_at_least_zero_is_relu(activation):
    assert float(experiment.at_least_zero(activation)) == pytest.approx(max(activation, 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    "task, model", [("counting", "LSTM"), ("addition", "NAC"), ("addition", "Transformer total"), ("product", "LSTM"), ("parity", "NALU")]
)
def test_a_run_gives_a_row_for_each_seed_and_length(task, model):
    table = experiment.run(task, model, seeds=iter(range(2)), steps=2)
    assert list(table.columns) == [*experiment.KEY, "seed", "length", "error", "exact", "accuracy"]
    lengths = experiment.TASKS[task].lengths
    assert table[["seed", "length"]].to_numpy().tolist() == [[seed, length] for seed in (0, 1) for length in lengths]
    assert (table.task == task).all() and (table.model == model).all()
    assert (table.error > 0).all() and table.exact.between(0, 1).all() and table.accuracy.between(0, 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["NAC", "RNN"])
def test_what_a_seed_learns_does_not_depend_on_the_others(digits, model):
    both, (_, second) = experiment.train("counting", model, digits, seeds=[3, 5], steps=2, progress=False)
    cost, (alone,) = experiment.train("counting", model, digits, seeds=[5], steps=2, progress=False)
    np.testing.assert_array_equal(both[both["seed"] == 5]["cost"], cost["cost"])
    for left, right in zip(alone.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_every_chunk_is_a_task_and_a_model():
    assert {model for _, model in experiment.CHUNKS} == set(experiment.CELLS) and {task for task, _ in experiment.CHUNKS} == set(
        experiment.TASKS
    )
    assert len(experiment.CHUNKS) == len(set(experiment.CHUNKS)) and {len(chunk) for chunk in experiment.CHUNKS} == {len(experiment.KEY)}


def test_test_sequences_are_always_the_same_ones_of_test_images(digits):
    chosen = experiment.some_sequences(digits, 100, 5)
    assert chosen.shape == (5, 100) and chosen.max() < len(digits.x_test)
    np.testing.assert_array_equal(chosen, experiment.some_sequences(digits, 100, 5))


def test_unknown_names_and_lengths_are_refused(digits):
    with pytest.raises(
        ValueError,
        match="task is 'count', known are: 'counting', 'counting 1 to 20', 'addition', 'product', 'parity'. Did you mean 'counting'",
    ):
        experiment.run("count", "NAC", seeds=[0])
    with pytest.raises(ValueError, match="model is 'GPT', known are: 'NAC'"):
        experiment.run("counting", "GPT", seeds=[0])
    with pytest.raises(ValueError, match="model is 'LSTM', known are: 'linear', 'NAC', 'NALU'"):
        experiment.run("parity", "LSTM", seeds=[0])
    with pytest.raises(ValueError, match="length is 0, expected a whole number of at least 1"):
        experiment.some_sequences(digits, 0)


def test_a_sequence_of_no_images_is_refused():
    reader = experiment.make_reader("counting", "NAC")
    with pytest.raises(ValueError, match="^the sequences have length 0: give each at least one image"):
        reader(np.zeros((2, 0, 8, 8, 1), "float32"))


def test_an_image_of_another_size_is_refused():
    reader = experiment.make_reader("counting", "NAC")
    with pytest.raises(ValueError, match="^an image is 28 × 28 × 1, expected 8 × 8 × 1 as in the training: bring it to that size"):
        reader(np.zeros((1, 10, 28, 28, 1), "float32"))
    with pytest.raises(ValueError, match=r"^images have shape \(8, 8, 1\), expected \[rows, length, height, width, 1\]"):
        reader(np.zeros((8, 8, 1), "float32"))
