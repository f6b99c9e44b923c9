import pytest
from written_runs import baseline_rows, evaluations, final_rows, tune_rows

from orchestrator.measurement import baselines, measurements, phase_parts


@pytest.mark.parametrize(
    "phase, parts",
    [
        ("final", ("final", "", 1)),
        ("final/2", ("final", "", 2)),
        ("baseline/random_real", ("baseline", "random_real", 1)),
        ("tune/k_means/12", ("tune", "k_means", 12)),
        ("extra", ("extra", "", 1)),
    ],
)
def test_parts_of_a_phase(phase, parts):
    assert phase_parts(phase) == parts


def test_several_networks_are_apart():
    rows = final_rows() + final_rows(network="convnet")[:2] + evaluations("extra", [0.3], network="alexcifarnet")
    found = measurements(rows, ["final"])
    assert [(m.network, m.accuracy.n, m.accuracy.mean) for m in found] == [
        ("convnet", 2, pytest.approx(0.81)),
        ("lenet", 4, pytest.approx(0.83)),
    ]
    assert [m.network for m in measurements(rows, ["extra", "full"])] == ["alexcifarnet"]


def test_the_runs_that_the_final_added_are_the_figure_and_the_search_s_own_is_beside_them():
    sets = {0: [0.90, 0.92], 1: [0.80, 0.84], 2: [0.70, 0.74]}
    rows = [
        row for run, values in sets.items() for row in evaluations("final", values, run=run, distilled=str(run) * 64)
    ]
    (found,) = measurements(rows, ["final"])
    assert found.runs == (1, 2)
    # Means 0.82 and 0.72; within a run the deviations are ±0.02, so the variance is 4 * 0.0004 / 2.
    assert found.accuracy.mean == pytest.approx(0.77)
    assert found.accuracy.sd_networks == pytest.approx(0.0008**0.5)
    assert found.accuracy.sd_groups == pytest.approx(0.005**0.5)
    assert [(f.run, pytest.approx(f.accuracy.mean), f.distilled[0]) for f in found.by_run] == [
        (0, 0.91, "0"), (1, 0.82, "1"), (2, 0.72, "2"),
    ]  # fmt: skip


def test_where_nothing_was_searched_the_first_run_counts_too():
    rows = [row for run, value in enumerate([0.9, 0.8, 0.7]) for row in evaluations("final", [value], run=run)]
    (found,) = measurements(rows, ["final"], searched=False)
    assert found.runs == (0, 1, 2)
    assert (found.accuracy.mean, found.accuracy.sd_groups) == (pytest.approx(0.8), pytest.approx(0.1))


def test_accuracy_before_training_is_the_mean_of_what_was_measured():
    rows = evaluations("final", [0.8], accuracy_before=0.1) + evaluations("final", [0.8], first=1, accuracy_before=0.2)
    rows += evaluations("final", [0.8], first=2)
    (found,) = measurements(rows, ["final"])
    assert found.accuracy_before == pytest.approx(0.15)
    (found,) = measurements(rows[2:], ["final"])
    assert found.accuracy_before is None


def test_a_baseline_with_its_rate_and_margin():
    rows = final_rows() + tune_rows() + baseline_rows()
    (found,) = baselines(rows, 1, measurements(rows, ["final"]))
    # Of two rates with the best mean it is the smaller one.
    assert (found.name, found.rate, found.accuracy.groups, found.accuracy.n) == ("random_real", 0.03, 4, 4)
    # A network a draw: no spread of networks; draws deviate by -0.1, 0, 0, 0.1.
    assert found.accuracy.sd_networks is None
    assert found.accuracy.sd_groups == pytest.approx((0.02 / 3) ** 0.5)
    # The distilled set's variance of the mean is 0.002 / 3 / 4, the baseline's 0.02 / 3 / 4.
    assert found.margin == pytest.approx(0.23)
    assert found.margin_se == pytest.approx((0.002 / 12 + 0.02 / 12) ** 0.5)


def test_a_margin_wants_the_same_network_and_its_error_two_spreads():
    rows = baseline_rows()
    (found,) = baselines(rows, 1, measurements(final_rows(network="convnet"), ["final"]))
    assert (found.margin, found.margin_se, found.rate) == (None, None, 0.03)
    (found,) = baselines(rows, 1, measurements(final_rows()[:1], ["final"]))
    assert found.margin == pytest.approx(0.2)
    assert found.margin_se is None


def test_neighbours_are_held_against_the_network_that_was_searched():
    about = {"trial": -1, "network": "knn", "neighbours": 3, "norm": 2.0, "loss": None}
    rows = [row for d in (0, 1) for row in evaluations("baseline/knn_k_means", [0.7 + d / 10], draw=d, **about)]
    for row in rows:
        row["seed"] = 0
    final = measurements(final_rows(), ["final"])
    (found,) = baselines(rows, 1, final, "lenet", {"knn_k_means": "92.2 ± 0.1"})
    assert (found.rate, found.neighbours, found.norm, found.published) == (None, 3, 2.0, "92.2 ± 0.1")
    # One value a draw: their spread is all there is.
    assert (found.accuracy.n, found.accuracy.groups, found.accuracy.sd_networks) == (2, 2, None)
    assert found.accuracy.se == pytest.approx(0.05)
    assert found.margin == pytest.approx(0.83 - 0.75)
    (found,) = baselines(rows, 1, final, "convnet")
    assert (found.margin, found.published) == (None, None)


def test_each_final_has_baselines_of_its_own():
    rows = baseline_rows() + baseline_rows("baseline/random_real/2", (0.7, 0.8))
    assert [b.accuracy.mean for number in (1, 2) for b in baselines(rows, number, ())] == pytest.approx([0.6, 0.75])
    assert baselines(rows, 3, ()) == ()
