"""Answers to the exercises: each function says "Yes" and why, or what to look at. None of them raises, whatever it is given."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from . import data, expression, metrics
from ._inputs import as_floats
from .layers import NAC, NALU, NACLog
from .paper import phrases
from .training import fit


def _exercise(judge: Callable[[Any], str | None]) -> Callable[[object], None]:
    """Print what `judge(answer)` says: None means right, a sentence says what to look at."""

    @functools.wraps(judge)
    def check(answer: object) -> None:
        if answer is ...:
            print("Not yet: put your answer in place of the three dots.")
            return
        try:
            with np.errstate(all="ignore"):
                hint = judge(answer)
        except Exception as error:  # whatever was typed in, its author gets an answer
            hint = f"the answer has another form than asked for ({str(error)[:300] or type(error).__name__})"
        if hint:
            hint = " ".join(hint.encode(errors="replace").decode().split())
            print(f"Not yet: {hint}" + ("" if hint.endswith("?") else "."))
        else:
            print(f"Yes. {judge.__doc__}")

    return check


def _numbers(answer: ArrayLike, count: int) -> np.ndarray:
    numbers = as_floats(answer, "your answer", "float64").ravel()
    if numbers.size != count:
        raise ValueError(f"expected {count} number{'s' * (count > 1)}, got {numbers.size}")
    return numbers


def _set_by_hand(unit: keras.layers.Layer, *matrices: ArrayLike) -> keras.layers.Layer:
    unit.build((None, np.size(matrices[0])))
    unit.set_weights([np.asarray(matrix, dtype=float).reshape(-1, 1) for matrix in matrices])
    return unit


@_exercise
def exercise_00_1(answer):
    """777,777, to within 1 %."""
    if abs(_numbers(answer, 1)[0] - 777_777) > 7_777:
        return "call the unit on one row of two numbers, nacs[0]([[…, …]])"


@_exercise
def exercise_00_2(answer):
    """Once the first, and minus once the second."""
    if not np.array_equal(_numbers(answer, 2), [1, -1]):
        return "y = w1 · x1 + w2 · x2, and it should be x1 − x2"


@_exercise
def exercise_00_3(answer):
    """Most of them. Here ReLU extrapolates, where it is a straight plane; 01 shows where even that is not enough."""
    count = _numbers(answer, 1)[0]
    if not 7 <= count <= 10:
        return f"{count:g} is far from what we found; train them as the other two were trained, and use metrics.test_error"


@_exercise
def exercise_01_1(answer):
    """It is wrong by 15, and by more for every larger x."""
    if _numbers(answer, 1)[0] != 15:
        return "the truth at x = 20 is 20, the network says 5"


@_exercise
def exercise_01_2(answer):
    """relu(x) − relu(−x) = x, and PReLU can be a straight line. The bounded ones stop somewhere."""
    given, right = {str(name).lower() for name in itertools.islice(answer, 100)}, {"relu", "prelu"}
    if given != right:
        wrong = ", ".join(sorted(given - right))
        return (
            f"can a sum of bounded outputs grow for ever? Look again at {wrong}"
            if wrong
            else "one more of them can: try relu(x) − relu(−x)"
        )


@_exercise
def exercise_01_3(answer):
    """Twice the range, about twice the error: the edge has moved, and is still an edge."""
    error = _numbers(answer, 1)[0]
    if not 10 < error < 18:
        return f"{error:.3g} is far from what we found; take |ŷ − x| where |x| > 10, its mean for each seed, and the median of those"


@_exercise
def exercise_02_1(answer):
    """W = [1, 0, −1], as nearly as it must be."""
    W_hat, M_hat = (_numbers(part, 3) for part in answer)
    W = np.tanh(W_hat) / (1 + np.exp(-M_hat))
    if np.abs(W - [1, 0, -1]).max() > 0.001:
        return f"these make W = {np.round(W, 3).tolist()}, and it should be [1, 0, −1]"


@_exercise
def exercise_02_2(answer):
    """One NAC starts to move through Ŵ; in two, each layer waits for the other, whose W is 0."""
    if list(itertools.islice(answer, 3)) != [True, False]:
        return "at zero the slopes are ½ for Ŵ and 0 for M̂; and with two in a row, by what is each layer's gradient multiplied?"


@_exercise
def exercise_02_3(answer):
    """With an output to spare no weight has to reach the wall."""
    others = [layer.name for layer in answer.layers if not isinstance(layer, NAC)]
    if others:
        return f"use NACs alone, and nothing like {others[0]}"
    said = float(np.ravel(answer(np.array([[1e6]], "float32")))[0])
    if abs(said - 2e6) > 2e3:
        return f"twice 1,000,000 is {said:,.0f} for it; must every weight be at the wall? What if there were more of them"


@_exercise
def exercise_03_1(answer):
    """Their valleys touch the square only in a corner; the other two run through it."""
    given, right = {tuple(float(w) for w in pair) for pair in itertools.islice(answer, 100)}, {(1, 1), (-1, -1)}
    if given != right:
        return "draw, for each pair, the line along which w1 + w2 keeps its value: where does it meet the square |w| ≤ 1?"


@_exercise
def exercise_03_2(answer):
    """A NAC trained on it subtracts numbers that it has never seen."""
    x = np.asarray(answer, dtype="float32")
    if x.shape != (2000, 2) or x.min() < 0 or x.max() > 10005:
        return f"expected 2,000 rows of two numbers from 0 to 10,005, got shape {x.shape} from {x.min():g} to {x.max():g}"
    keras.utils.set_random_seed(1)
    nac, test = NAC(1), data.uniform("-", train=(0, 10000), test=(10000, 20000))
    fit(nac, x, x[:, 0] - x[:, 1], steps=5000, progress=False)
    error = metrics.test_error(nac, test)
    if error > 0.02:
        w1, w2 = nac.W.numpy().ravel()
        return (
            f"a NAC trained on it ends at W ≈ [{w1:.2f}, {w2:.2f}] and is wrong by {error:.0%}: "
            "is one column still nearly a multiple of the other, or far smaller?"
        )


@_exercise
def exercise_03_3(answer):
    """About 35,000: a training whose law you know holds no surprises."""
    step = _numbers(answer, 1)[0]
    if not 33_800 <= step <= 35_900:
        return f"ln(cost) falls by 0.0005 a step and has to reach ln(1) = 0; from step 22,000 on that does not give {step:,.0f}"


@_exercise
def exercise_04_1(answer):
    """Exponents ½ and −1."""
    if not np.array_equal(_numbers(answer, 2), [0.5, -1]):
        return "in log space a weight is an exponent: which exponent is a root, which divides?"


@_exercise
def exercise_04_2(answer):
    """At c = ln(299) / 3 the sum is heard just so little that the answer is 1 % short."""
    c = _numbers(answer, 1)[0]
    gate = 1 / (1 + np.exp(3 * c))
    if abs(c - np.log(299) / 3) > 0.1:
        return f"with c = {c:g} the gate is {gate:.2g} and the answer {0.5 - 1.5 * gate:.4g}; it may be 0.495, and no less"


@_exercise
def exercise_04_3(answer):
    """The gate asks which is larger, and one W does for both answers."""
    unit = _set_by_hand(NALU(1), *(_numbers(part, 2) for part in answer))
    x = np.array([[6, 2], [2, 6], [50, 40], [40, 50], [7, 3], [3, 7]])
    truth = np.where(x[:, 0] > x[:, 1], x.sum(axis=1), x.prod(axis=1))
    return _off_by_more_than_1_percent(unit, x, truth, "which sign must xG have there")


def _off_by_more_than_1_percent(unit, x, truth, hint):
    """A sentence on the pair of x for which `unit` is the furthest from the truth, or None where all are within 1 %."""
    said = unit(x).numpy().ravel()
    worst = int(np.argmax(np.abs(said / truth - 1)))
    if abs(said[worst] / truth[worst] - 1) > 0.01:
        return f"for ({x[worst, 0]:g}, {x[worst, 1]:g}) it says {said[worst]:.3g}, expected {truth[worst]:.3g}; {hint}"


@_exercise
def exercise_05_1(answer):
    """2,000 · ln(1000) and 200 · ln(1000): a tenth of the memory fades ten times as fast."""
    slow, fast = _numbers(answer, 2)
    if abs(slow - 13_812) > 20 or abs(fast - 1_375) > 10:
        return "√v is multiplied by √β₂ a step: how often, until the product is a thousandth? Give the two numbers of steps as a list"


@_exercise
def exercise_05_2(answer):
    """About half of them: the gate has to open, and W has to be right on the path it opens to."""
    count = _numbers(answer, 1)[0]
    if not 9 <= count <= 17:
        return f"{count:g} is far from what we found; use metrics.test_error, below 0.01, over range(24)"


@_exercise
def exercise_05_3(answer):
    """The very seed, its own start, nothing changed but how long Adam remembers."""
    beta_2 = _numbers(answer, 1)[0]
    if not 0 < beta_2 < 1:
        return f"β₂ is a share of what is kept, between 0 and 1, and {beta_2:g} is not"
    keras.utils.set_random_seed(9)
    nalu, task = NALU(1), data.article("*")
    try:
        fit(nalu, task.x_train, task.y_train, steps=10_000, optimizer=keras.optimizers.Adam(0.05, beta_2=beta_2), progress=False)
        error = metrics.test_error(nalu, task)
    except ValueError:
        return f"with β₂ = {beta_2:g} the training runs off to infinity: Adam now forgets too soon how steep it can be"
    if error > 0.01:
        return (
            f"with β₂ = {beta_2:g} it is still wrong by {error:.0%} after 10,000 steps: when will √v have faded far enough, at √β₂ a step?"
        )


@_exercise
def exercise_06_1(answer):
    """(1 − 0.9999¹⁰⁰⁰) / 0.1: at a ten-thousandth below 1, five of a hundred are forgotten."""
    if abs(_numbers(answer, 1)[0] - (1 - 0.9999**1000) / 0.1) > 0.005:
        return "what came in k steps ago is held 0.9999 to the power k times: add these up for k from 0 to 999, and divide by 1,000"


@_exercise
def exercise_06_2(answer):
    """The same error, on the paper's scale."""
    if abs(_numbers(answer, 1)[0] - 57.35) > 0.2:
        return "an MSE is the square of an RMSE: make the share 0.7573 out of it, square that, and times 100"


@_exercise
def exercise_06_3(answer):
    """a¹ · a¹: one exponent cannot be 2, but two of 1 can."""
    if not np.allclose(_numbers(answer, 2), 1, atol=0.01):
        return (
            "the second layer says h1 to the power w1 times h2 to the power w2, and both hold a: what must w1 + w2 be, with no |w| above 1?"
        )


@_exercise
def exercise_07_1(answer):
    """Ten of ten is compatible with a true rate as low as 72 %."""
    if abs(_numbers(answer, 1)[0] - metrics.success_rate([True] * 10)[2]) > 0.005:
        return "metrics.success_rate takes one True or False a run and gives (k, n, low, high): which of them is asked for?"


@_exercise
def exercise_07_2(answer):
    """Beyond 17 a float32 cannot tell σ(t) from 1."""
    if not 16.5 <= _numbers(answer, 1)[0] <= 17.5:
        return "compute 1 / (1 + exp(−t)) for t = 0, 1, 2, … in float32, and find the first that equals 1"


@_exercise
def exercise_07_3(answer):
    """Without a logarithm no sign is lost, and there is no gate to stick."""
    count = _numbers(answer, 1)[0]
    if not 30 <= count <= 32:
        return f"{count:g} is fewer than we found: train on data.BENCHMARK_RANGES[4], and compare with the threshold of its own test range"


@_exercise
def exercise_08_1(answer):
    """3 · 2.5: a weight of ½ is half way between "multiply by 4" and "multiply by 1"."""
    if abs(_numbers(answer, 1)[0] - 7.5) > 1e-6:
        return "each factor is W·x + 1 − W: compute both, then multiply"


@_exercise
def exercise_08_2(answer):
    """The root of −4 has no real part."""
    if abs(_numbers(answer, 1)[0]) > 1e-6:
        return "|x| to the power ½ is 2, but what is cos(π·½)?"


@_exercise
def exercise_08_3(answer):
    """It wins by its ranges of one sign. On [−2, 2] it solves none, nor on the two where both numbers are nearly the same."""
    if answer != "NACLog":
        return "group the rows with operation 'div' by unit, and sum `solved`; the answer is the name with the largest sum"


@_exercise
def exercise_09_1(answer):
    """20 images are misread, and each is wrong in two counts."""
    if abs(_numbers(answer, 1)[0] - 40) > 1e-6:
        return "how many of the 1,000 are misread, and which counts does one of them change?"


@_exercise
def exercise_09_2(answer):
    """3 + 2 + 4 + 1: whatever it is shown, and however much of it."""
    if abs(_numbers(answer, 1)[0] - 10) > 1e-6:
        return "choose each entry of h between −1 and 1 so that its share of h·w is as large as can be, and add b"


@_exercise
def exercise_09_3(answer):
    """Three images are enough: what is learned is what one image adds."""
    count = _numbers(answer, 1)[0]
    if count != 3:
        return f"{count:g} is not what we found; train on size=(count, 32, 3) and use the error that digits.examine gives for 1,000 images"


@_exercise
def exercise_10_1(answer):
    """n states, each below 1, make less than n."""
    if _numbers(answer, 1)[0] != 999:
        return "how much do n states make at most, when each state and each weight is below 1?"


@_exercise
def exercise_10_2(answer):
    """It divides by the state: 1/334, about 0.003."""
    state = _numbers(answer, 1)[0]
    if abs(state) < 1e-12 or abs(1 / abs(state) - 334) > 1:
        return "with W = −1 the path that multiplies says exp(−log|h|): which h makes that 334?"


@_exercise
def exercise_10_3(answer):
    """That is all there is to learn: the table has 46 independent entries."""
    numbers = np.unique(as_floats(answer, "your answer", "float64").ravel())
    if len(numbers) > 50 or not np.isin(numbers, np.arange(1000)).all():
        return f"expected at most 50 whole numbers from 0 to 999, got {len(numbers)}, from {numbers.min():g} to {numbers.max():g}"
    tokens, values, vocabulary = phrases.table()
    last = (tokens > 0) & (np.pad(tokens[:, 1:], ((0, 0), (0, 1))) == 0)
    counts = np.zeros((1000, 2 * len(vocabulary)))
    for row, place in np.argwhere(tokens > 0):
        counts[row, tokens[row, place] + len(vocabulary) * last[row, place]] += 1
    chosen = numbers.astype(int)
    table = np.linalg.lstsq(counts[chosen], values[chosen].astype(float), rcond=None)[0]
    wrong = np.flatnonzero(np.abs(counts @ table - values) > 0.5)
    if len(wrong):
        return f"{len(wrong)} numbers are read wrong, the first is {phrases.in_words(int(wrong[0]))!r}: which word is missing, and where?"


@_exercise
def exercise_11_1(answer):
    """Keep what was there, and take the number away."""
    if not np.array_equal(_numbers(answer, 2), [1, -1]):
        return "r ← [r, number] W with r = 7 and number = 2 must make 5, and 50 from 60 and 10"


@_exercise
def exercise_11_2(answer):
    """A third is lost. The sum of 3 numbers hardly shows it, the sum of 20 does."""
    left = _numbers(answer, 1)[0]
    if abs(left - 100 * 0.99**38) > 0.5:
        return f"{left:g} is not what is left: 20 numbers and 19 signs are 39 tokens, so how many come after the first number?"


@_exercise
def exercise_11_3(answer):
    """n = 0.93·T − 0.88·t reaches 0 at t = 0.93/0.88·T, which is T + 1 or more from T = 17.6 on."""
    if _numbers(answer, 1)[0] != 18:
        return "solve 0.93·T = 0.88·t for t, the step at which n reaches 0, and ask from which whole T on t − T is at least 1"


@_exercise
def exercise_12_1(answer):
    """Two exponents of ½."""
    if not np.allclose(_numbers(answer, 2), 0.5):
        return "in log space a weight is an exponent: which exponent is a square root?"


@_exercise
def exercise_12_2(answer):
    """What it missed was too small to see there. A unit does not know what is outside; it assumes."""
    rng, compute = np.random.default_rng(0), expression.parse(answer)
    x, far = rng.uniform(1, 2, (500, 2)), rng.uniform(2, 6, (500, 2))
    y, y_far = (np.asarray(compute(part[:, :1], part[:, 1:]), float) + np.zeros((500, 1)) for part in (x, far))
    if y.min() <= 0:
        return "let the answer be above 0 for all a and b from 1 to 2, so that a share of it means something"
    keras.utils.set_random_seed(0)
    unit = NACLog(1)
    fit(unit, x, y, steps=3000, learning_rate=0.05, cost="mean", progress=False)
    inside, outside = metrics.relative_error(y, unit(x)), metrics.relative_error(y_far, unit(far))
    if inside > 0.01:
        return (
            f"it is wrong by {inside:.1%} inside already: stay nearer to a power of a times a power of b there, with exponents from −1 to 1"
        )
    if outside < 0.5:
        return f"wrong by {inside:.2%} inside and only {outside:.0%} outside: add what is next to nothing up to 2 and large at 6"


@_exercise
def exercise_13_1(answer):
    """Two thousandths of a percent. Where products are large, a choice must be very sure before it is harmless."""
    share = _numbers(answer, 1)[0]
    if abs(share * 998_000 - 20) > 0.5:
        return f"with s = {share:g} the answer is off by {share * 998_000:.4g} of 2,000: what is 1 % of 2,000?"


@_exercise
def exercise_13_2(answer):
    """5 · 6 = 30 and 5 · 25 = 125 = 4 · 31 + 1: both are one step of 31 away from whole turns."""
    number = _numbers(answer, 1)[0]
    if number not in (6, 25):
        return f"{number:g} stands {5 * number % 31:g} of 31 steps round the circle: which n makes 5n a multiple of 31, plus or minus one?"


@_exercise
def exercise_13_3(answer):
    """The carry runs through all five places. Who says the first digit first must have seen it coming."""
    a, b = (int(number) for number in _numbers(answer, 2))
    if not (10_000 <= a <= 99_999 and 10_000 <= b <= 99_999):
        return f"expected two numbers with five digits, got {a:,} and {b:,}"
    sums = {step: str(a + b + step).rjust(6) for step in (-1, 0, 1) if 0 <= a % 10 + step <= 9}
    same = {step: sum(i == j for i, j in zip(sums[0], sums[step], strict=True)) for step in sums if step}
    if min(same.values()) > 0:
        return f"{a:,} + {b:,} = {a + b:,}, and {min(same.values())} of its places stay as they are: let the carry run through all of them"
