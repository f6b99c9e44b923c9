"""The rule of the race, and that the risk which it states is kept over simulated searches."""

import math

import numpy as np
import pytest

from benchmarks.racing_risk import SHAPES, lost, networks_spent, race, ties
from orchestrator.ledger import Ledger
from orchestrator.race_threshold import evidence_of, threshold
from orchestrator.racing import Race, Rival, evidence
from tests.orchestrator.planned import trial

LOOKS = (10, 25, 50)


def measured(number, accuracies):
    key = {"trial": number, "phase": "search", "run": 0, "draw": 0, "split": "validation", "network": "lenet"}
    return [
        key | {"init": init, "accuracy": accuracy, "seconds": 1.0, "distilled": None}
        for init, accuracy in enumerate(accuracies)
    ]


def ledger(*means, **statuses):
    """Return a ledger of trials with these means, trial n ``complete`` unless ``tn`` says otherwise."""
    rows = [
        trial(n, mean, statuses.get(f"t{n}", "complete")) | {"accuracy_sd": 0.01 * (n + 1)}
        for n, mean in enumerate(means)
    ]
    return Ledger(rows, [row for n, mean in enumerate(means) for row in measured(n, [mean] * 50)])


def test_evidence_is_students_t_of_the_paired_differences_as_a_normal_deviate():
    rival, own = [0.5, 0.6, 0.9, 0.7], [0.4, 0.6, 0.7, 0.6]
    # t = 0.1 / (0.08165 / 2) = 2.449 with 3 degrees of freedom has one-sided p = 0.0459; of a normal deviate that is 1.686.
    assert evidence(rival, own, 0.0) == pytest.approx(1.686, abs=0.02)
    assert evidence(own, rival, 0.0) == -evidence(rival, own, 0.0)


def test_differences_are_not_taken_to_vary_less_than_accuracies_do():
    rival, own = [0.9] * 10, [0.89] * 10
    assert evidence(rival, own, 0.0) > 10
    assert evidence(rival, own, 0.05) == pytest.approx(float(evidence_of(0.01, 0.05**2, 10)))


def test_equal_accuracies_are_no_evidence():
    assert evidence([0.5] * 5, [0.5] * 5, 0.0) == 0.0
    assert evidence([0.5] * 5, [0.4] * 5, 0.0) == math.inf


def test_the_rival_is_the_best_complete_trial_up_to_n_minus_lag():
    made = Race(LOOKS, 0.05, 2, ledger(0.3, 0.7, 0.9, 0.7, 0.8, t2="raced_out"))
    rivals = [made.rival(number) for number in range(7)]
    assert [rival and rival.trial for rival in rivals] == [None, None, 0, 1, 1, 1, 4]
    assert rivals[6].accuracies == [0.8] * 50
    assert rivals[5].spread == pytest.approx(0.02), "the median of 0.01, 0.02 and 0.04"
    assert rivals[6].spread == pytest.approx(0.05), "the incumbent's own, above the median"
    assert rivals[5].threshold == threshold(LOOKS, 0.05, 4)


def test_a_trial_far_behind_is_stopped_and_one_that_is_ahead_is_not():
    rival = Rival(0, [0.8 + 0.01 * (i % 3) for i in range(50)], 0.02, threshold(LOOKS, 0.05, 8))
    assert rival.is_ahead([0.7] * 10)
    assert not rival.is_ahead([0.8] * 10)
    assert not rival.is_ahead([0.9] * 10)


def test_more_rivals_or_a_smaller_risk_ask_for_more_evidence():
    by_rivals = [threshold(LOOKS, 0.05, rivals) for rivals in (1, 8, 32, 128)]
    assert by_rivals == sorted(set(by_rivals))
    assert threshold(LOOKS, 0.01, 8) > threshold(LOOKS, 0.05, 8) > threshold(LOOKS, 0.2, 8)


def test_thresholds_are_the_documented_ones():
    """Found by simulation at plan time: numpy's streams may not change, or the same sweep would be another one."""
    assert [threshold((10, 25, 50, 100, 200), 0.05, rivals) for rivals in (1, 8, 32, 128)] == [2.43, 2.92, 3.19, 3.43]


def test_the_driver_and_the_simulation_come_to_the_same_verdicts():
    random = np.random.default_rng(3)
    accuracies = random.standard_normal((1, 20, 50)) - 0.6 * random.standard_normal((1, 20, 1))
    spent = race(accuracies, LOOKS, 0.05, lag=4)[0]
    rows, evaluations = [], []
    for n, own in enumerate(accuracies[0].tolist()):
        mean = sum(own) / 50
        sd = math.sqrt(sum((each - mean) ** 2 for each in own) / 49)
        status = "complete" if spent[n] == 50 else "raced_out"
        rows.append(trial(n, mean, status) | {"accuracy_sd": sd})
        evaluations += measured(n, own)
    made, found = Race(LOOKS, 0.05, 4, Ledger(rows, evaluations)), []
    for n, own in enumerate(accuracies[0].tolist()):
        rival = made.rival(n)
        found.append(next((look for look in LOOKS[:-1] if rival and rival.is_ahead(own[:look])), 50))
    assert found == spent.tolist()
    assert set(found) >= {10, 50}


@pytest.mark.parametrize(
    ("own", "others"),
    [("normal", "normal"), ("bimodal", "bimodal"), ("skewed high", "skewed low"), ("1 in 10 fails", "1 in 10 fails")],
)
def test_the_best_of_a_search_is_lost_no_more_often_than_stated(own, others):
    searches = 600
    share, _ = lost(ties(SHAPES[own], SHAPES[others], 32, LOOKS, searches, seed=1), LOOKS, risk=0.05)
    assert share < 0.05 + 4 * math.sqrt(0.05 * 0.95 / searches)


def test_a_threshold_for_one_rival_would_lose_the_best_of_a_search_far_too_often():
    """Why the number of rivals is asked for: against the best of 32 a plain paired test has several times its level's risk."""
    searches, looks = 300, (10, 25, 50, 100, 200)
    batches = list(ties(SHAPES["normal"], SHAPES["normal"], 32, looks, searches, seed=2))
    share, _ = lost(iter(batches), looks, risk=0.05)
    alone = threshold(looks, 0.05, 1)
    stopped = 0
    for batch in batches:
        best = batch[:, :32].mean(2).argmax(1)
        for search, rival in zip(batch, best, strict=True):
            against = search[rival].tolist()
            stopped += any(evidence(against[:n], search[-1].tolist()[:n], 0.0) >= alone for n in looks[:-1])
    assert stopped / searches > 2 * max(share, 0.03)


def test_a_trial_that_is_far_behind_costs_a_fraction():
    looks = (10, 25, 50, 100, 200)
    spent = [networks_spent(deficit, 8, looks, searches=100, seed=4) for deficit in (0.0, 0.5, 2.0)]
    assert spent[0] > 180
    assert spent[1] < 90
    assert spent[2] < 15
