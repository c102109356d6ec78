"""Every model of the paper's experiments says the same after it was saved and loaded."""

import keras
import numpy as np
import pytest
from quick import quick_first

import nalu_helpers  # noqa: F401
from nalu_helpers.paper import digits, functions, gridworld, phrases, programs

RNG = np.random.default_rng(0)


def functions_of(form, model):
    return functions.network(form, model), functions.examples(RNG, form, "a + b", (3,))[0]


def agent(model):
    sizes = 4 * gridworld.SIZE, 1, gridworld.UNITS, gridworld.UNITS, 1
    return gridworld.agent(model), [RNG.random((2, size), "float32") for size in sizes]


MODELS = {
    **{f"functions, {form}, {model}": (functions_of, form, model) for form in functions.MODELS for model in functions.MODELS[form]},
    **{
        f"digits, {task}, {model}": (lambda *which: (digits.make_reader(*which), RNG.random((2, 12, 8, 8, 1), "float32")), task, model)
        for task, model in digits.CHUNKS
    },
    **{f"phrases, {head}": (lambda head: (phrases.reader(head, 1000.0), phrases.table()[0][:9]), head) for head in phrases.HEADS},
    **{
        f"programs, {model}": (lambda model: (programs.make(model), programs.draw_encoded(RNG, 3, "if", (1, 5), 100)[0]), model)
        for model in programs.MODELS
    },
    **{f"gridworld, {model}": (agent, model) for model in gridworld.MODELS if model != "random walk"},
}


FIRST = {model: task for task, model in reversed(digits.CHUNKS)}  # the task with which a model is saved in `make test`
QUICK = [name for name in MODELS if not name.startswith("digits")] + [f"digits, {task}, {model}" for model, task in FIRST.items()]


@pytest.mark.parametrize("name", quick_first(QUICK, [*MODELS]))
def test_a_saved_model_says_the_same_when_loaded(name, tmp_path):
    make, *which = MODELS[name]
    model, x = make(*which)
    model.set_weights([weight + RNG.normal(0, 0.01, weight.shape) for weight in model.get_weights()])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for said, truth in zip(keras.tree.flatten(loaded(x)), keras.tree.flatten(model(x)), strict=True):
        np.testing.assert_array_equal(said, truth)


def test_a_loaded_reader_answers_for_chosen_images_and_refuses_other_sizes(tmp_path):
    reader, images = digits.make_reader("counting", "NAC"), RNG.random((20, 8, 8, 1), "float32")
    reader.save(tmp_path / "reader.keras")
    loaded, chosen = keras.saving.load_model(tmp_path / "reader.keras"), RNG.integers(20, size=(3, 40))
    np.testing.assert_array_equal(loaded.answer(images, chosen), reader.answer(images, chosen))
    with pytest.raises(ValueError, match="an image is 9 × 9 × 1, expected 8 × 8 × 1"):
        loaded(np.zeros((1, 2, 9, 9, 1), "float32"))


def test_a_cell_set_by_an_lstm_keeps_all_its_settings():
    settings = dict(cells=5, registers=3, unit="NALU", sees_numbers=True, gate_start=0.5)
    config = programs.SetByLSTM(**settings).get_config()
    assert {name: config[name] for name in settings} == settings
    assert programs.SetByLSTM.from_config(config).get_config() == config
