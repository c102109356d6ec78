"""The field, fairly compared: every unit as it was published, and at its best on one grid of settings that all of them share.

A setting is chosen for a unit and an operation, over all nine ranges together, by the validation error inside the training range, with
seeds that judge nothing afterwards: extrapolation never has a say. Then both settings are judged by the field's protocol on other seeds.
To choose is cheap, since settings that are behind are dropped early: all are trained for a tenth of the steps, the better quarter for three
tenths, and the four best, with and without the unit's penalty, for all of them.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from . import data, layers, metrics, results
from ._inputs import one_of, positive_number, whole_number
from .expression import known_operation
from .field import CHECK_EVERY, CLIPPING, EPSILON, UNITS, WORDS, Entry, a_range, counted, each, judged, pairs
from .many import Runs, as_seeds, fit_many
from .training import Progress

PUBLISHED = "as published"
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
STARTS: dict[str, Callable[[int], Any]] = {  # of the weights called W…_hat and M…_hat of a unit that sees so many inputs
    "benchmark": lambda inputs: layers.benchmark_start(inputs, 1),
    "U(±0.5)": lambda inputs: keras.initializers.RandomUniform(-0.5, 0.5),
    "U(±2)": lambda inputs: keras.initializers.RandomUniform(-2, 2),
}
BETAS = (0.999, 0.99)
SHARES = (0.1, 0.3, 1.0)  # of the steps, for which all settings are trained, then the better quarter, then the finalists
FINALISTS = 4
CHOOSE, JUDGE = range(10), range(100, 125)
CHECKS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)  # the steps at which `curves` keeps the error
MATRICES = {layers.INALU: ("W_a", "W_m"), layers.MCFC: ("R",), layers.DMU: ("σ(g)",)}  # those that are computed, and not W alone
KNOBS = ["learning_rate", "start", "beta_2", "clipping", "penalty"]
CHOICE_KEY = ["unit", "operation", *KNOBS]
KEY = ["unit", "operation", "setting", "train", "seed"]
FIELD = UNITS | {
    "SNMU": Entry("*", lambda operation: layers.SNMU(1)),
    "RealNPUModified": Entry("/", lambda operation: layers.RealNPUModified(1), 5e-3),
    "NRU": Entry("/", lambda operation: layers.NRU(1), 1.0),
    "NMRU": Entry("/", lambda operation: layers.NMRU(1), 1e-2, clipping="norm 1"),
    "MCFC": Entry("+*", lambda operation: layers.MCFC(1, multiply=operation == "*")),
    "DMU": Entry("+-*/", lambda operation: layers.DMU(1, signs=(1, -1) if operation in "-/" else (1, 1)), 1e-2),
}

ASKED = [name for name in FIELD if name not in ("MCFC", "DMU")]  # those that are to find out which numbers count: see `redundant`


@dataclass(frozen=True)
class Setting:
    """What a reader can turn: a point of the grid. Raises TypeError or ValueError for a knob that is turned to what it does not have.

    `start`, of the weights called Ŵ and M̂, is "as published", "benchmark", "U(±0.5)" or "U(±2)"; `clipping` is one of those of `Entry`.
    """

    learning_rate: float
    start: str = PUBLISHED  # or one of STARTS
    beta_2: float = 0.999
    clipping: str = "none"  # one of CLIPPING
    penalty: bool = True  # the unit's own, when it has one

    def __post_init__(self) -> None:
        positive_number(self.learning_rate, "learning_rate", 0.001)
        one_of(self.start, [PUBLISHED, *STARTS], "start")
        if positive_number(self.beta_2, "beta_2", 0.999) >= 1:
            raise ValueError(f"beta_2 is {self.beta_2!r}, expected a number between 0 and 1 such as 0.999: with 1 Adam forgets nothing")
        one_of(self.clipping, CLIPPING, "clipping")
        if not isinstance(self.penalty, (bool, np.bool_)):
            raise TypeError(f"penalty is {self.penalty!r}, expected True or False: whether the unit keeps the one it has")


def published(entry: Entry) -> Setting:
    """The setting in which a unit was published."""
    return Setting(entry.learning_rate, clipping=entry.clipping)


def grid(entry: Entry, operation: str) -> list[Setting]:
    """Every setting that the unit can be trained in, the published one among them; the penalty is the published one in all."""
    layer = entry.make(operation)
    others = [name for name in STARTS if not (name == "benchmark" and _begins_as_the_benchmark(layer))]  # or it would stand there twice
    starts = [PUBLISHED, *(others if _has_hats(layer) else [])]
    rates = sorted({*RATES, entry.learning_rate})
    clippings = ["none", "norm 1" if entry.clipping == "none" else entry.clipping]
    return [Setting(rate, start, beta_2, clipping) for start, beta_2, clipping, rate in product(starts, BETAS, clippings, rates)]


def made(entry: Entry, operation: str, setting: Setting, inputs: int = 2) -> keras.layers.Layer:
    """A new layer of the unit that starts, and is penalised, as `setting` says. Raises ValueError for a start that it cannot have."""
    layer = entry.make(operation)
    layer.build((None, inputs))
    start = setting.start
    if start == PUBLISHED and inputs != 2 and _begins_as_the_benchmark(layer):
        start = "benchmark"  # how wide it is depends on the number of inputs
    if start != PUBLISHED:
        if not _has_hats(layer):
            raise ValueError(f"a {type(layer).__name__} has no weights W…_hat and M…_hat to start from {start}: choose {PUBLISHED!r}")
        for weight in filter(_is_hat, layer.trainable_variables):
            weight.assign(STARTS[start](inputs)(weight.shape))
    if not setting.penalty:
        layer.penalty = lambda step, validation: 0.0
    return layer


def _begins_as_the_benchmark(layer):
    """Whether a NAC, or a unit that is made of one, has the benchmark's start for two inputs."""
    start = getattr(layer, "W_hat_initializer", None)
    return isinstance(layer, layers.NAC) and getattr(start, "maxval", None) == layers.benchmark_start(2, 1).maxval


def _has_hats(layer):
    if not layer.built:
        layer.build((None, 2))
    return any(map(_is_hat, layer.trainable_variables))


def _is_hat(weight):
    return weight.name[0] in "WM" and weight.name.endswith("_hat")


def runs_of(
    entry: Entry,
    operation: str,
    settings: Sequence[Setting],
    seeds: Iterable[int],
    ranges: Sequence[Any],
    steps: int,
    progress: Any = False,
    every: int = CHECK_EVERY,
    weights: bool = False,
    inputs: int = 2,
) -> Runs:
    """What `fit_many` returns for settings that differ in nothing but their learning rate."""
    first = settings[0]
    rates = [setting.learning_rate for setting in settings]
    return fit_many(
        lambda: made(entry, operation, first, inputs),
        operation,
        seeds=seeds,
        ranges=ranges,
        inputs=inputs,
        learning_rate=rates,
        optimizer=keras.optimizers.Adam(rates[0], beta_2=first.beta_2, epsilon=EPSILON, **CLIPPING[first.clipping]),
        steps=steps,
        every=min(every, steps),
        restart=entry.restart,
        weights=weights,
        progress=progress,
    )


# To choose


@cache
def _threshold(operation, where):
    return metrics.success_threshold(operation, where)


def scores(errors: pd.DataFrame, operation: str, ranges: Sequence[Any]) -> pd.DataFrame:
    """How good each learning rate is inside the training range: a row each.

    `errors` has the columns learning_rate, train, seed, step and interpolation, and nothing is known here of extrapolation. A run counts by
    its lowest error: `inside` is the share of runs that get below what an almost perfect unit would have on the training range,
    `error` the mean of log10(lowest error ÷ that threshold), between −3 and 6.
    """
    thresholds = {data.range_name(train): _threshold(operation, train) for train, _ in ranges}
    lowest = errors.groupby(["learning_rate", "train", "seed"])["interpolation"].min().fillna(np.inf).reset_index()
    ratio = lowest["interpolation"] / lowest["train"].map(thresholds)
    lowest["inside"], lowest["error"] = ratio < 1, np.log10(ratio.clip(1e-3, 1e6))
    return lowest.groupby("learning_rate")[["inside", "error"]].mean().reset_index()


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Settings with their scores, the best first: most runs arrived, then the lowest mean error, then the order of the grid."""
    return table.sort_values(["inside", "error"], ascending=[False, True], kind="stable", ignore_index=True)


def choose(
    entry: Entry,
    operation: str,
    *,
    seeds: Iterable[int] = CHOOSE,
    ranges: Sequence[Any] = data.BENCHMARK_RANGES,
    steps: int = 50_000,
    settings: Sequence[Setting] | None = None,
    progress: Any = False,
) -> pd.DataFrame:
    """Try the grid, or `settings`. A row for each: its scores, after how many `steps` it was dropped, and whether it was `chosen`.

    Raises TypeError or ValueError, before the first step, when there are no settings, and for an operation, range or number of steps
    that is none.
    """
    operation, ranges, steps = _asked(operation, ranges, steps)
    alive = list(grid(entry, operation) if settings is None else settings)
    if not alive:
        raise ValueError("there are no settings to choose from: give at least one")
    seeds, penalised, known = as_seeds(seeds), _is_penalised(entry, operation), dict[Setting, dict]()
    for share in SHARES:
        trained = max(1, round(share * steps))
        if share == 1:
            alive = alive[:FINALISTS]
            alive = [*dict.fromkeys([*alive, *(replace(setting, penalty=False) for setting in alive if penalised)])]
        for setting, score in _scored(entry, operation, alive, seeds, ranges, trained, progress):
            known[setting] = {"steps": trained, **score}
        alive = ranked(pd.DataFrame([{"setting": setting, **known[setting]} for setting in alive]))["setting"].tolist()
        best = alive[0]
        alive = alive[: _going_on(len(alive))]
    rows = [{**asdict(setting), **score, "chosen": setting == best} for setting, score in known.items()]
    return ranked(pd.DataFrame(rows)).sort_values("steps", ascending=False, kind="stable", ignore_index=True)


def _scored(entry, operation, settings, seeds, ranges, steps, progress):
    """Each setting and its scores; those that differ in their learning rate alone are trained together."""
    together: dict[Setting, list[Setting]] = {}
    for setting in settings:
        together.setdefault(replace(setting, learning_rate=1.0), []).append(setting)
    for some in together.values():
        checks = runs_of(entry, operation, some, seeds, ranges, steps, progress).table
        table = scores(checks[["learning_rate", "train", "seed", "step", "interpolation"]], operation, ranges).set_index("learning_rate")
        for setting in some:
            yield setting, table.loc[setting.learning_rate].to_dict()


def _going_on(settings):
    """How many of the settings are trained for longer: the better quarter."""
    return max(FINALISTS, math.ceil(settings / 4))


def _is_penalised(entry, operation):
    return isinstance(entry.make(operation), layers.Penalised)


# To judge


def judge(
    entry: Entry,
    operation: str,
    settings: Mapping[str, Setting],
    *,
    seeds: Iterable[int] = JUDGE,
    ranges: Sequence[Any] = data.BENCHMARK_RANGES,
    steps: int = 50_000,
    progress: Any = False,
    inputs: int = 2,
) -> pd.DataFrame:
    """Protocol C in each of the named `settings`: a row for each run, as in `field.run_chunk`, and what becomes of it.

    `interpolation_half` and `interpolation_last` are its errors inside at half of the steps and at the end, `extrapolation_last` the one
    outside at the end: a run that is *not yet* there is still falling, one that never will be has long stood still. With more than two
    `inputs` the others do not matter, and the threshold stays as it is. Raises what `choose` raises.
    """
    operation, ranges, steps = _asked(operation, ranges, steps)
    seeds, parts = as_seeds(seeds), []
    for name, setting in settings.items():
        checks = runs_of(entry, operation, [setting], seeds, ranges, steps, progress, inputs=inputs).table
        tests = {data.range_name(test): test for _, test in ranges}
        for (train, test, seed), run in checks.groupby(["train", "test", "seed"], sort=False):
            half = run[run["step"] <= steps // 2].iloc[-1]
            last = {f"{error}_last": run[error].iloc[-1] for error in ("interpolation", "extrapolation")}
            row = {"operation": WORDS[operation], "setting": name, **asdict(setting), "train": train, "test": test}
            row |= {"seed": seed, **judged(run, _threshold(operation, tests[str(test)]))}
            parts.append(row | {"interpolation_half": half["interpolation"], **last})
    return pd.DataFrame(parts)


def compare(
    entry: Entry,
    operation: str,
    *,
    choose_with: Iterable[int] = CHOOSE,
    judge_with: Iterable[int] = JUDGE,
    ranges: Sequence[Any] = data.BENCHMARK_RANGES,
    steps: int = 50_000,
    progress: Any = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The door for a unit of your own: choose its setting by the rules of this module, and judge it as published, at its best, and between.

        mine = Entry("*", lambda operation: MyUnit(1), learning_rate=0.01)
        choice, runs = compare(mine, "*")

    Returns the table of `choose` and the table of `judge`. Raises ValueError when a seed is to choose and to judge, and what `choose`
    raises.
    """
    operation, ranges, steps = _asked(operation, ranges, steps)
    choose_with, judge_with = as_seeds(choose_with), as_seeds(judge_with)
    both = sorted({*choose_with} & {*judge_with})
    if both:
        raise ValueError(f"seed {both[0]} is to choose and to judge: a setting must be judged on seeds that did not choose it")
    choice = choose(entry, operation, seeds=choose_with, ranges=ranges, steps=steps, progress=progress)
    first, best = published(entry), setting_of(choice[choice["chosen"]].iloc[0])
    settings = {"published": first, "best": best, **between(first, best)}
    runs = judge(entry, operation, settings, seeds=judge_with, ranges=ranges, steps=steps, progress=progress)
    return choice.assign(operation=WORDS[operation]), runs


def between(first: Setting, best: Setting) -> dict[str, Setting]:
    """The best setting with one knob put back to where it was published, for each in which they differ: what the knob is worth."""
    turned = [knob for knob in KNOBS if getattr(first, knob) != getattr(best, knob)]
    return {f"best, {knob} as published": replace(best, **{knob: getattr(first, knob)}) for knob in turned if len(turned) > 1}


def setting_of(row: Any) -> Setting:
    """The setting that a row of a table was trained in."""
    return Setting(float(row["learning_rate"]), row["start"], float(row["beta_2"]), row["clipping"], bool(row["penalty"]))


def rerun(row: Any, seeds: Iterable[int] = JUDGE, steps: int = 50_000) -> pd.DataFrame:
    """Train again what a row of the table of runs stands for: its unit and operation, on its range, in its setting, with all `seeds`."""
    ranges = [a_range(row["train"])]
    operation = next(sign for sign, word in WORDS.items() if word == row["operation"])
    runs = judge(FIELD[row["unit"]], operation, {row["setting"]: setting_of(row)}, seeds=seeds, ranges=ranges, steps=steps)
    return runs.assign(unit=row["unit"])[[*KEY, *(name for name in runs if name not in KEY)]]


# The whole field, into tables


def _pair(unit, operation, entry, settings, progress=False):
    """One unit and one operation: the rows of both tables."""
    return tuple(table.assign(unit=unit) for table in compare(entry, operation, progress=progress, **settings))


def fair(
    folder: str | Path,
    *,
    units: Iterable[str] | None = None,
    operations: Iterable[str] | None = None,
    entries: Mapping[str, Entry] = FIELD,
    choose_with: Iterable[int] = CHOOSE,
    judge_with: Iterable[int] = JUDGE,
    steps: int = 50_000,
    scheduler: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the units in `entries`, or some, into `folder`/fair_choice.csv and `folder`/fair.csv; return the two tables.

    Both are written anew after every unit and operation, in one piece, and what they hold already is not run again: a run that was
    stopped goes on. `scheduler` is the address of a Dask scheduler over which the pairs are spread. Raises ValueError for what cannot be
    run and for tables of other settings, OSError when one cannot be written or the scheduler does not answer.
    """
    steps = whole_number(steps, "steps")
    choose_with, judge_with = as_seeds(choose_with), as_seeds(judge_with)
    settings = {"choose_with": choose_with, "judge_with": judge_with, "steps": steps}
    head = f"# nalu_helpers fair 1: {steps} steps, chosen with seeds {_said(choose_with)}, judged with {_said(judge_with)}"
    asked = pairs(units, operations, entries)
    paths = [Path(folder) / "fair_choice.csv", Path(folder) / "fair.csv"]
    tables = [results.read(path, head, key) for path, key in zip(paths, (CHOICE_KEY, KEY), strict=True)]
    there = results.keys_in(tables[1], ["unit", "operation"])
    wanted = [pair for pair in asked if (pair[0], WORDS[pair[1]]) not in there]
    chunks = [(unit, operation, entries[unit], settings) for unit, operation in wanted]
    for path in paths if chunks else ():
        results.refuse_unwritable(path)
    with Progress(total=sum(map(_steps_of, chunks)), unit=" steps in all", disable=None, unit_scale=True) as bar:
        for done in each(_pair, chunks, scheduler, bar, _steps_of):
            for i, (path, key) in enumerate(zip(paths, (CHOICE_KEY, KEY), strict=True)):
                table = pd.concat([tables[i], done[i]]) if len(tables[i]) else done[i]
                tables[i] = _in_order(table.drop_duplicates(key, keep="last"), key, entries)
                results.write_table(path, head, tables[i])
    return tables[0], tables[1]


def redundant(
    folder: str | Path,
    *,
    inputs: int = 10,
    units: Iterable[str] | None = None,
    operations: Iterable[str] | None = None,
    seeds: Iterable[int] = JUDGE,
    steps: int = 50_000,
) -> pd.DataFrame:
    """The same task among numbers that do not matter: rows of `inputs` from one range, of which the first two are to be computed with.

    Each unit is judged as in `judge`, in its two settings of `folder`/fair.csv, published and best: they were chosen on two numbers, and
    nothing is chosen anew; only a start that depends on the number of inputs is reckoned anew. The table is
    `folder`/fair_among_INPUTS.csv, written anew after every unit and operation; what it holds already is not run again. MC-FC, which
    cannot leave a number out, and DMU, which is told what to do with each, are not tried. Raises ValueError for what cannot be run, for a
    unit that fair.csv does not have and for tables of other settings, OSError when one cannot be written.
    """
    inputs, steps, seeds = whole_number(inputs, "inputs", at_least=3), whole_number(steps, "steps"), as_seeds(seeds)
    known = {name: FIELD[name] for name in ASKED}
    run = partial(judge, seeds=seeds, steps=steps, inputs=inputs)
    head = f"# nalu_helpers fair among {inputs} 1: {steps} steps, judged with"
    return _in_both_settings(folder, f"fair_among_{inputs}", head, run, known, units, operations, seeds, steps)


def curves(
    folder: str | Path,
    *,
    units: Iterable[str] | None = None,
    operations: Iterable[str] | None = None,
    seeds: Iterable[int] = JUDGE,
    steps: int = 50_000,
) -> pd.DataFrame:
    """How each run came to where it is: those of `folder`/fair.csv, as published and at their best, are trained once more.

    `folder`/fair_curves.csv has a row for each, with its error outside at those of the steps in CHECKS, `extrapolation_1000` and so on,
    and as text the `weights` that it ends with (see `weights_of`). It is written anew after every unit and operation; what it holds
    already is not run again. Raises what `redundant` raises.
    """
    steps, seeds = whole_number(steps, "steps"), as_seeds(seeds)
    run = partial(_ways, seeds=seeds, steps=steps)
    head = f"# nalu_helpers fair curves 1: {steps} steps, seeds"
    return _in_both_settings(folder, "fair_curves", head, run, FIELD, units, operations, seeds, steps)


def _ways(entry, operation, settings, *, seeds, steps, progress):
    """The rows of `curves` for one unit and operation."""
    parts = []
    for name, setting in settings.items():
        table, models = runs_of(entry, operation, [setting], seeds, data.BENCHMARK_RANGES, steps, progress)
        at = table[table["step"].isin([*CHECKS, steps])]
        ways = at.pivot(index=["seed", "train"], columns="step", values="extrapolation").add_prefix("extrapolation_")
        runs = [(seed, data.range_name(train)) for seed in seeds for train, _ in data.BENCHMARK_RANGES]
        ways = ways.loc[runs].reset_index().assign(weights=[weights_of(model) for model in models])
        parts.append(ways.assign(operation=WORDS[operation], setting=name, **asdict(setting)))
    return pd.concat(parts).rename_axis(columns=None)


def weights_of(unit: keras.layers.Layer) -> str:
    """The weights of a built unit as text, such as "W 1 0.9998, G 12.3 11.9": its matrices by their names, and what it has beside them.

    A matrix that is a weight has that weight's name, another is W; weights that one is made of, such as Ŵ and M̂, are left out. A layer
    without matrices says its weights alone. What has the same name is numbered: W_1, W_2 and so on.
    """
    weights = unit.trainable_variables
    matrices = [matrix for layer in unit._flatten_layers() if hasattr(layer, "matrices") for matrix in layer.matrices()]
    own_names = [next((weight.name for weight in weights if weight is matrix), "W") for matrix in matrices]
    named = [*zip(MATRICES.get(type(unit), own_names), matrices, strict=True)]
    named += [(weight.name, weight) for weight in weights if not (weight.name.endswith("_hat") or any(weight is one for one in matrices))]
    names, said = [name for name, _ in named], []
    for place, (name, values) in enumerate(named):
        number = f"_{names[: place + 1].count(name)}" if names.count(name) > 1 else ""
        said.append(" ".join([name + number, *(f"{value:.4g}" for value in keras.ops.convert_to_numpy(values).ravel())]))
    return ", ".join(said)


def _in_both_settings(folder, name, head, run, known, units, operations, seeds, steps):
    """The table `folder`/`name`.csv, which has the rows of run(entry, operation, {"published": …, "best": …}, progress=…) for each pair."""
    asked = {(unit, WORDS[operation]): operation for unit, operation in pairs(units, operations, known)}
    settings = _both_settings(Path(folder) / "fair.csv")
    missing = [pair for pair in asked if pair not in settings]
    if missing and (units or len(missing) == len(asked)):
        raise ValueError(f"fair.csv has no published and best setting of {', '.join(missing[0])}: run `fair` for it first")
    output, head = Path(folder) / f"{name}.csv", f"{head} {_said(seeds)}"
    table = results.read(output, head, KEY)
    there = _settings_of(table) if len(table) else {}
    changed = [pair for pair in there if there[pair] != settings.get(pair)]
    if changed:
        raise ValueError(f"{output.name} has {', '.join(changed[0])} in other settings than fair.csv: move it away, and it is made anew")
    chunks = [pair for pair in asked if pair in settings and pair not in there]
    if chunks:
        results.refuse_unwritable(output)
    total = 2 * len(chunks) * len(seeds) * len(data.BENCHMARK_RANGES) * steps
    with Progress(total=total, unit=" steps in all", disable=None, unit_scale=True) as bar:
        for pair in chunks:
            done = run(known[pair[0]], asked[pair], settings[pair], progress=bar).assign(unit=pair[0])
            table = _in_order(pd.concat([table, done]) if len(table) else done, KEY, known)
            results.write_table(output, head, table)
    return table


def _both_settings(path):
    """The published and the best setting of every unit and operation that the table at `path` has in both."""
    try:
        table = pd.read_csv(path, comment="#")
    except (OSError, ValueError):
        table = pd.DataFrame()
    if not {*KEY, *KNOBS} <= set(table.columns):
        raise ValueError(f"there is no table of `fair` in {path}: run `fair` first, or name the folder that it is in")
    two = _settings_of(table[table["setting"].isin(["published", "best"])])
    return {pair: settings for pair, settings in two.items() if len(settings) == 2}


def _settings_of(table):
    """The settings in a table of runs by their names, for each unit and operation."""
    rows = table.drop_duplicates(["unit", "operation", "setting"])
    pairs_of = rows.groupby(["unit", "operation"], sort=False)
    return {pair: {row["setting"]: setting_of(row) for _, row in some.iterrows()} for pair, some in pairs_of}


def _in_order(table, key, entries):
    """`table` with its `key` in front, units and operations in their order."""
    units = [*dict.fromkeys([*entries, *table["unit"]])]  # others than `entries`, of an earlier run, stand behind them
    places = table["unit"].map(units.index), table["operation"].map([*WORDS.values()].index)
    return table.iloc[np.lexsort(places[::-1])].reset_index(drop=True)[[*key, *(name for name in table if name not in key)]]


def _asked(operation, ranges, steps):
    """One of + - * /, pairs of ranges and a number of steps, looked at before anything is trained."""
    return known_operation(operation), [data.train_and_test(pair) for pair in ranges], whole_number(steps, "steps")


def _said(seeds):
    return f"{seeds[0]} to {seeds[-1]}" if seeds == [*range(seeds[0], seeds[-1] + 1)] else ", ".join(map(str, seeds))


def _steps_of(chunk):
    """How many updates a pair takes, all its runs together."""
    _, operation, entry, settings = chunk
    left, runs = len(grid(entry, operation)), len(settings["choose_with"]) * len(data.BENCHMARK_RANGES)
    total = 4 * len(settings["judge_with"]) * len(data.BENCHMARK_RANGES) * settings["steps"]  # or somewhat fewer, or one more
    for share in SHARES:
        if share == 1:
            left = min(left, FINALISTS) * (1 + _is_penalised(entry, operation))
        total += left * runs * max(1, round(share * settings["steps"]))
        left = _going_on(left)
    return total


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each unit (where `runs` names it), operation and setting, all ranges together: how many are solved, and how others ended.

    `near` are those whose error outside is within a hundred times the threshold; `falling` are further away, but their error inside has
    fallen to less than half in the second half of the training; the rest is `never`: it stands still, far away.
    """
    rows, names = [], [name for name in ("unit", "operation", "setting") if name in runs]
    for values, some in runs.groupby(names, sort=False):
        failed = some[~some["solved"]]
        near = failed["extrapolation"] < 100 * failed["threshold"]
        falling = ~near & (failed["interpolation_last"] < failed["interpolation_half"] / 2)
        row = {**dict(zip(names, values, strict=True)), **counted(some)}
        rows.append(row | {"near": near.sum(), "falling": falling.sum(), "never": (~near & ~falling).sum()})
    return pd.DataFrame(rows)


def claims(runs: pd.DataFrame, said: Iterable[tuple[str, str, str]]) -> pd.DataFrame:
    """What becomes of each claim (newer unit, older unit, operation) once both units have the same choice of settings: a row each.

    A seed starts alike on all ranges, so that it is seeds that are counted: a unit is ahead in one when it solves more of its ranges, and
    ahead in all when chance alone would split the seeds that differ so unevenly with a probability below 0.05 (exact binomial test).
    A claim *holds* when the newer unit is ahead as published and at its best. When it is ahead as published only, it was *the setting's
    merit*; ahead at its best only, it is *only at its best*. When it is ahead in neither, what both are at their best decides: *the older
    is ahead*, or *no lead seen*. Only seeds that both units have are counted. Raises ValueError when there are none.
    """
    from scipy.stats import binomtest

    verdicts = {(1, 1): "holds", (1, 0): "the setting's merit", (1, -1): "the setting's merit", (0, 1): "only at its best"}
    verdicts |= {(-1, 1): "only at its best", (0, 0): "no lead seen", (-1, 0): "no lead seen"}
    rows = []
    for newer, older, operation in said:
        row, ahead = {"claim": f"{newer} over {older}", "operation": operation}, []
        for setting in ("published", "best"):
            some = runs[(runs["operation"] == operation) & (runs["setting"] == setting)]
            a, b = (some[some["unit"] == unit].groupby("seed")["solved"].sum() for unit in (newer, older))
            a, b = a.align(b, join="inner")
            if not len(a):
                raise ValueError(
                    f"runs has no seed of both {newer} and {older} at {operation!r} in the setting {setting!r}: nothing can be said"
                )
            more, fewer = int((a > b).sum()), int((a < b).sum())
            sure = more != fewer and binomtest(more, more + fewer).pvalue < 0.05
            ahead.append((more > fewer) - (more < fewer) if sure else 0)
            row |= {setting: f"{a.sum()} to {b.sum()}", f"{setting}, seeds": f"{more} to {fewer}"}
        rows.append(row | {"verdict": verdicts.get((ahead[0], ahead[1]), "the older is ahead")})
    return pd.DataFrame(rows)
