"""Errors, the sparsity error and success rates, against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from nalu_helpers import data, metrics


def test_absolute_error_is_entry_by_entry():
    np.testing.assert_array_equal(metrics.absolute_error([[1], [2]], [[3], [-2]]), [[2], [4]])


def test_relative_error_is_mean_error_over_mean_size():
    assert metrics.relative_error([100, -100], [101, -99]) == pytest.approx(0.01)
    assert metrics.relative_error([0, 10], [1, 10]) == pytest.approx(0.1)


@settings(max_examples=50)
@given(st.floats(1e-3, 1e3), st.floats(0.1, 10))
def test_relative_error_does_not_depend_on_the_unit_of_measure(scale, off):
    y = np.array([1.0, -2.0, 3.0])
    assert metrics.relative_error(scale * y, scale * (y + off)) == pytest.approx(metrics.relative_error(y, y + off))


def test_tensors_are_accepted():
    assert metrics.relative_error(tf.constant([2.0]), tf.constant([1.0])) == 0.5


def test_test_error_is_the_relative_error_on_the_test_rows():
    assert metrics.test_error(lambda x: 1.1 * x, data.identity()) == pytest.approx(0.1, rel=1e-4)


def test_by_region_tells_inside_from_outside():
    table = metrics.by_region([[1, 2], [3, 4], [1, 9]], [[3], [7], [10]], [[3], [8], [14]], inside=(0, 5))
    assert table.loc["inside", "rows"] == 2 and table.loc["outside", "rows"] == 1
    assert table.loc["inside", "mean absolute error"] == 0.5 and table.loc["inside", "worst absolute error"] == 1
    assert table.loc["outside", "relative error"] == pytest.approx(0.4)
    assert list(metrics.by_region([[1]], [[1]], [[1]], (0, 5)).index) == ["inside"]
    assert np.isnan(metrics.by_region([[1], [30]], [[0], [1]], [[2], [2]], (0, 10)).loc["inside", "relative error"])


@pytest.mark.parametrize("W, error", [([[1, -1], [0, 1]], 0), ([0.9], 0.1), ([0.5, 1], 0.5), ([-0.02], 0.02), ([1.3], 0.3)])
def test_sparsity_error_is_the_distance_of_the_least_tidy_weight(W, error):
    assert metrics.sparsity_error(W) == pytest.approx(error)


def test_first_below_is_a_step_or_none():
    assert metrics.first_below([5, 4, 3, 2], 3.5) == 2
    assert metrics.first_below([5, 4], 1) is None


def test_a_run_is_better_when_it_beats_the_best_of_the_others():
    assert metrics.better_than_best([1, 2, 3, np.inf], [2.5, 9, np.inf]) == 2
    assert metrics.better_than_best([1, 2], [2, 2]) == 1  # a tie is not better
    assert metrics.better_than_best([1e9], [np.inf]) == 1


def test_success_rate_is_wilsons_interval():
    k, n, low, high = metrics.success_rate([True] * 23 + [False])
    z, p = 1.959963984540054, 23 / 24
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (k, n) == (23, 24)
    assert (low, high) == (pytest.approx(middle - half), pytest.approx(middle + half))
    assert metrics.success_rate([True] * 5)[3] == pytest.approx(1)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: metrics.absolute_error([1, 2], [1]), r"y has shape \(2,\) and prediction \(1,\)"),
        (lambda: metrics.absolute_error([1, 2], [1, np.nan]), "prediction, row 1 is nan"),
        (lambda: metrics.relative_error([0, 0], [1, 1]), "every y is 0"),
        (lambda: metrics.by_region([[1]], [[1], [2]], [[1], [2]], (0, 5)), "x has 1 rows and y has 2"),
        (lambda: metrics.by_region([[1]], [[1]], [[1]], (5, 0)), "first end below its second"),
        (lambda: metrics.success_rate([]), "solved is empty"),
        (lambda: metrics.better_than_best([], [1]), "errors holds no run"),
        (lambda: metrics.better_than_best([1], []), "others holds no run"),
        (lambda: metrics.better_than_best([1], [np.nan, 1]), "others holds NaN"),
        (lambda: metrics.sparsity_error([np.inf]), "W, row 0 is inf"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    "values, family, wrong",
    [([3, 4, 3.5], "beta", "3"), ([0.1, 0.6], "beta", "0.6"), ([-1, -1], "beta", "-1"), ([5, -2, 7], "gamma", "-2")],
)
def test_values_that_a_family_does_not_have_are_refused(values, family, wrong):
    with pytest.raises(ValueError, match=f"^values holds {wrong}, expected numbers (between 0 and 0.5|at least 0)"):
        metrics.mean_interval(values, family)


@pytest.mark.parametrize("values", [[0, 0, 5], [0, 1, 2, 3], [5e-324, 1]])
def test_a_0_among_others_has_no_interval_of_a_gamma(values):
    """It would be as far from the others as it is rounded to, and the interval as wide."""
    sentence = f"^values holds {values[0]:g} beside {max(values)}, expected numbers above 0, or all the same, since a gamma has no 0: leave"
    with pytest.raises(ValueError, match=sentence):
        metrics.mean_interval(values, "gamma")
    assert metrics.mean_interval([0, 0], "gamma") == (0, 0, 0)


@pytest.mark.parametrize("values", [[1, 2, 3, 5], [1e-6, 1, 2], [1e-9, 1]])
def test_the_likelihood_at_both_ends_of_a_gamma_is_what_the_profile_allows(values):
    """With the best shape for each mean it is lower by half of 3.84 there, also where the upper end is more than a thousand means away."""
    shapes = np.exp(np.linspace(-7, 7, 14_001))[:, None]
    mean, *ends = metrics.mean_interval(values, "gamma")
    best, *lower = (gamma.logpdf(values, shapes, scale=m / shapes).sum(axis=1).max() for m in (mean, *ends))
    assert lower == pytest.approx([best - 1.92073] * 2, abs=1e-3)


@given(st.lists(st.floats(0, 0.5), max_size=6), st.sampled_from(["beta", "gamma"]))
@settings(deadline=None, max_examples=60)
def test_the_interval_holds_the_mean_for_any_values_a_family_has(values, family):
    assume(family == "beta" or all(value > 1e-9 for value in values))
    mean, low, high = metrics.mean_interval(values, family)
    assert np.isnan(low) == np.isnan(high) == (len(values) < 2)
    assert len(values) < 2 or low <= mean <= high


@pytest.mark.parametrize(
    "asked, words", [({"samples": 0}, "samples is 0"), ({"samples": "x"}, "samples is 'x'"), ({"delta": -1}, "delta is -1")]
)
def test_a_threshold_of_nothing_is_refused(asked, words):
    with pytest.raises((TypeError, ValueError), match=words):
        metrics.success_threshold("+", (1, 2), **asked)


def test_small_values_that_differ_have_an_interval_of_some_width():
    large, small = (metrics.mean_interval(size * np.array([1, 30, 90]), "gamma") for size in (1e-6, 1e-12))
    assert small[1] < small[0] < small[2]
    np.testing.assert_allclose(np.array(small) * 1e6, large, rtol=1e-6)
    with pytest.raises(ValueError, match="a gamma has no 0"):
        metrics.mean_interval([0, 3e-11], "gamma")
