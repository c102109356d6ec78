"""How the line of words of an explorer begins, as Python has it: from what a notebook stores of it, and from where its handles stand."""

import base64
import functools
import json
import runpy
import zlib

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from nalu_helpers import NALU, expression, layers, plots
from nalu_helpers.explorers import parts
from nalu_helpers.paper import digits, functions, phrases, programs

from . import lab, mounted

says_the_same = runpy.run_path(str(lab.ROOT / "conftest.py"))["says_the_same"]
X = np.round(np.linspace(-20, 20, 401), 1)
OF_FUNCTIONS = pd.read_csv(lab.ROOT / "results" / "paper_functions.csv", comment="#")
FAIR = pd.read_csv(lab.ROOT / "results" / "fair.csv", comment="#")


def kind_of(state):
    """Which of lab.EXPLORERS it is of which a notebook stores `state`: its module ends with the script of that name, as it is today."""
    (kind,) = [name for name in lab.EXPLORERS if state["_esm"].endswith((parts.HERE / f"{name}.js").read_text(encoding="utf-8"))]
    return kind


def compare(explorer, state):
    """Check that the line of `explorer`, a part of a page, begins as Python says; numbers may differ by a unit of their last digit."""
    kind, known = kind_of(state), state["known"]
    known = json.loads(known if known.startswith("{") else zlib.decompress(base64.b64decode(known)))
    values = {handle["name"]: value_of(explorer, handle) for handle in state["handles"]}
    if kind == "guess":
        values["guess"] = float(explorer.get_by_label("your guess", exact=True).input_value().replace(",", "").replace("−", "-"))
    elif kind == "drawing":
        values["pixels"] = explorer.locator("svg rect").evaluate_all("all => all.map(one => one.style.opacity).filter(Boolean).map(Number)")
    elif kind == "playground":
        explorer.locator(".line", has_text="Seeds: ").wait_for()
        values["page"] = explorer.page
    expected, line = SAYS[kind](known, **values).split(), explorer.locator(".line").inner_text().split()
    assert says_the_same(" ".join(expected), " ".join(line[: len(expected)])), (expected, line)


def value_of(explorer, handle):
    """Where a handle stands."""
    field = explorer.get_by_label(handle["label"], exact=True)
    if handle["kind"] == "choice":
        return handle["options"][field.evaluate("field => field.selectedIndex")]
    return field.input_value() if handle["kind"] == "text" else float(field.input_value())


def identity(known, half, activation):
    off, inside = np.abs(fitted(known, half, activation) - X), np.abs(X) <= half
    return f"mean error inside {off[inside].mean():,.3f}, outside {off[~inside].mean():,.2f}"


def fitted(known, half, activation):
    """The best fit to f(x) = x inside ± `half`, at X, by least squares with a small penalty."""
    inner = X[:, None] * known["slope"] + known["offset"]
    units = np.asarray(keras.activations.get(activation)(keras.ops.convert_to_tensor(inner, "float64")))
    hidden, inside = np.column_stack([units, np.ones(len(X))]), np.abs(X) <= half
    penalised = np.concatenate([hidden[inside], 1e-3 * np.eye(51)]), np.concatenate([X[inside], np.zeros(51)])
    return hidden @ np.linalg.lstsq(*penalised, rcond=None)[0]


def weight(known, W_hat, M_hat):
    tanh, sigma = np.tanh(W_hat), 1 / (1 + np.exp(-M_hat))
    return (
        f"W = {tanh:.2f} · {sigma:.2f} = {tanh * sigma:.3f} \u2003slope (the line): ∂W/∂Ŵ = {(1 - tanh**2) * sigma:.3f}, ∂W/∂M̂ = "
        f"{tanh * sigma * (1 - sigma):.3f}"
    )


def paths(known, x1, x2, w1, w2, gate):
    a, m = two_paths((x1, x2), (w1, w2))
    return f"a = {a:.3g}, m = {m:.3g}, y = {gate * a + (1 - gate) * m:.3g}"


def two_paths(x, w):
    """The sum and the product that a NALU makes of two numbers."""
    nalu = NALU(1, dtype="float64")
    nalu.build((None, 2))
    nalu.set_weights([np.arctanh(np.clip(np.array(w)[:, None], -1 + 1e-15, 1 - 1e-15)), np.full((2, 1), 40.0), np.zeros((2, 1))])
    return [float(np.ravel(part)[0]) for part in nalu.paths([x])[:2]]


def replay(known, step, rate):
    run = next(run for run in known["runs"] if run["rate"] == rate)
    (w1, w2), (x1, x2) = (path[int(step / known["every"])] for path in run["W"]), known["example"]
    return f"step {step:,.0f}: W = [{w1:.3f}, {w2:.3f}], {x1:g} and {x2:g} make {x1 * w1 + x2 * w2:,.0f}"


def seeds(known, seed, step):
    w, gate = (known[name][int(seed)][int(step / known["every"])] for name in ("w", "gate"))
    return f"seed {seed:.0f}, step {step:,.0f}: mean weight {w:.3f}, mean gate {gate:.3f}: it "


def surface(known, start, rate, step):
    solved = known["runs"][start][known["rates"].index(rate)]["solved"]
    return f"step {step:,.0f}: {sum(run[int(step / known['every'])] for run in solved)} of {len(solved)}"


def phrase_read(known, phrase):
    number, _ = phrases.parse(phrase)
    answers = [f"{name} {np.median(said):,.1f}" for name, said in zip(known["models"], known["said"][number], strict=True)]
    return f"{number} is read as {', '.join(answers)}"


def field(known, operation, unit, range, setting, run):
    named, sign = FAIR.setting.map({"published": "as published", "best": "at its best"}), FAIR.operation.map(plots.SIGNS)
    units = FAIR[sign == operation].unit.unique()
    if unit not in units:
        return f"{unit} does not enter {operation}. These do: {', '.join(units)}."
    runs = FAIR[(named == setting) & (sign == operation) & (FAIR.unit == unit) & (FAIR.train == range)].set_index("seed")
    first = runs.iloc[0]
    penalty = "" if first.penalty else ", no penalty"
    trained = f"rate {first.learning_rate:g}, start {first.start}, β₂ {first.beta_2:g}, clipping {first.clipping}{penalty}"
    words = f"{unit}, {operation}, trained on {range}, {setting}: {runs.solved.sum()} of {len(runs)} runs solved ({trained})."
    return words if run == "all" else f"{words} Seed {run}: {'solved' if runs.solved[run] else 'not solved'};"


def every_function(known, function, network, form, seed):
    all_runs = OF_FUNCTIONS[(OF_FUNCTIONS.form == {"static": "long"}.get(form, form)) & (OF_FUNCTIONS.function == function)]
    runs = all_runs[(all_runs.model == network) & (all_runs.seed < 100)]
    runs = runs[runs.step == min(runs.step.max(), functions.STEPS)].set_index("where")
    first = runs.iloc[0]
    words = f"{function} by {network} ({form}; {first.optimizer}, rate {first.rate:g}{', clipped' if first.clipped else ''}), "
    words += f"after {first.step:,} steps. "
    if seed == "all":
        return f"{words}Arrive: {(runs.relative['outside'] < 0.05).sum()} of 10."
    off = runs[runs.seed == seed].relative
    does = "arrives" if off.outside < 0.05 else "does not arrive"
    return f"{words}Seed {seed}: {in_percent(off.inside, 100)} off inside, {in_percent(off.outside, 10_000)} outside; it {does} "


def in_percent(share, most):
    """A share in percent as the page writes it."""
    percent = float(f"{100 * share:.3g}")
    if not percent <= most:
        return f"more than {most:,.0f} %"
    return f"{'less than 0.001' if percent < 0.001 else f'{percent:g}' if percent < 1000 else f'{percent:,.0f}'} %"


def guess(known, guess):
    said, answer = (in_text(value) + known["unit"] for value in (guess, known["answer"]))
    return f"You said {said}; it is {answer}. "


def in_text(value, digits=4):
    """A number as the text of a notebook writes it: 100,000, −0.5."""
    return f"{float(f'{value:.{digits}g}'):,.15g}".replace("-", "−")


def drawing(known, image, pixels):
    """By the convnet, with the weights that are stored, of the pixels that it is shown to see."""
    convnet, weights = digits.make_reader("counting", "NAC").convnet, known["weights"]
    stored = [weights[name][part] for name in ("conv", "hidden", "features") for part in ("kernel", "bias")]
    convnet.set_weights([np.reshape(new, old.shape) for new, old in zip(stored, convnet.get_weights(), strict=True)])
    counts = np.asarray(convnet(np.reshape(pixels, (1, 8, 8, 1)).astype("float32")))[0] @ weights["W"]
    return f"This image looks most like a {counts.argmax()} ({counts.max():.2f}); its ten counts come to {counts.sum():.2f}."


def program(known, program, token):
    """By registers with the weights that are stored."""
    model = known["model"]
    cell = programs.SetByLSTM(len(model["recurrent"]), model["registers"], model["unit"], model["seesNumbers"])
    network = keras.Sequential([keras.layers.Input((None, 9)), keras.layers.RNN(cell, name="registers")])
    cell.lstm.set_weights([np.array(model[part]) for part in ("kernel", "recurrent", "bias")])
    cell.set.set_weights([np.array(model[part]) for part in ("set", "start")])
    kept, tokens = programs.registers(network, program), programs.tokens_of(program)
    now = " and ".join(f"{value:,.1f}" for value in kept[int(token) - 1])
    return (
        f"After token {token:.0f} of {len(tokens)}, {tokens[int(token) - 1]}: registers {now}. At its end it says {kept[-1, 0]:,.1f}; "
        f"the program's value is {programs.value_of(program):,}."
    )


def waiting(known, T, agent):
    played = {known["first"] + i: cells for i, cells in enumerate(known["played"][agent])}
    ends = {T: len(cells) - 1 if cells[-1] == known["goal"] else None for T, cells in played.items()}
    there = "is not there in time" if ends[T] is None else "is there on time" if ends[T] == T else f"is there at step {ends[T]}, "
    there += "" if ends[T] in (None, T) else f"{T - ends[T]:.0f} too early"
    on_time = sum(end == T for T, end in ends.items())
    return f"T = {T:.0f}: it {there}. Of all T from {min(ends)} to {max(ends)}, {on_time} of {len(ends)} on time."


def playground(known, page, operation, own, unit, inside, outside, seeds, rate, steps):
    """Of one seed."""
    ranges, steps = tuple(tuple(map(float, text.split(","))) for text in (inside, outside)), int(steps)
    near, far, W, gate = by_keras(page, unit, known["operations"][operation], ranges, 0, steps, steps, float(rate))[-1]
    learned = f"seed 0: W = [{W[0]:.3f}, {W[1]:.3f}]{''.join(f', gate {value:.3f}' for value in gate)}"
    return f"median error inside {near:.2g}, outside {far:.2g}; {learned}. Seeds: {seeds}, steps: {steps:,}."


@functools.cache
def by_keras(page, unit, function, ranges, seed, steps, every, rate=0.01):
    """What the script of `page` says of one seed that it trains, as Keras has it with the same random numbers.

    For each check: the errors inside and outside, the two entries of W, and the gate.
    """
    script = """([unit, operation, ranges, seed, steps]) => {
      const compute = expression(operation), random = randomNumbers(-1), batch = newRows(128)
      const drawn = () => { draw(random, ranges[0], compute, batch); return [...batch.x] }
      const batches = Array.from({ length: steps }, drawn), exams = ranges.map(range => [...examination(range, compute).x])
      return { start: UNITS[unit].start(randomNumbers(seed)), batches, exams }
    }"""
    given = mounted.ask(page, script, [unit, function, ranges, seed, steps], scripts="expression units")
    layer, adam, checks, answer = made(unit, given["start"]), keras.optimizers.Adam(rate), [], expression.parse(function)
    middle = np.full((1, 2), np.mean(ranges[0]))
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            errors = [error(layer, *asked(x, answer)) for x in given["exams"]]
            gate = np.ravel(layer.paths(middle)[2]) if hasattr(layer, "paths") else []
            checks.append((*map(float, errors), np.ravel(layer.matrices()[0]).tolist(), list(gate)))
        if step < steps:
            update(layer, adam, *asked(given["batches"][step], answer))
    return checks


def made(unit, weights):
    """A layer on two numbers, with the page's row of `weights`."""
    layer = getattr(layers, unit)(1, dtype="float64")
    layer.build((None, 2))
    layer.set_weights(np.reshape(weights, (-1, 2, 1)))
    return layer


def asked(x, answer):
    """The page's row x = [x₁, x₂, x₁, …] as rows of two numbers, and their answers."""
    x = np.reshape(x, (-1, 2))
    return x, np.reshape(answer(x[:, 0], x[:, 1]), (-1, 1))


def error(layer, x, y, **how):
    return tf.reduce_mean((layer(x, **how) - y) ** 2)


def update(layer, adam, x, y):
    """One update as Keras makes it."""
    with tf.GradientTape() as tape:
        cost = error(layer, x, y, training=True) + sum(layer.losses)
    adam.apply(tape.gradient(cost, layer.trainable_variables), layer.trainable_variables)
    for variable in layer.trainable_variables:
        if variable.constraint:
            variable.assign(variable.constraint(variable))


SAYS = {
    "identity": identity,
    "weight": weight,
    "replay": replay,
    "paths": paths,
    "seeds": seeds,
    "phrases": phrase_read,
    "field": field,
    "every_function": every_function,
    "surface": surface,
    "guess": guess,
    "drawing": drawing,
    "program": program,
    "waiting": waiting,
    "playground": playground,
}
