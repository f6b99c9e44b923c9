import random

import pytest

from distiller.restarts import Restarts


def plainly(errors, patience):
    """Run lengths as the paper's code has them: all sums of a run looked at anew at every step."""
    lengths, run = [], []
    for error in errors:
        run.append(error)
        sums = [sum(run[end - patience : end]) for end in range(patience + 1, len(run) + 1)]
        if not sums:
            continue
        improvements = [i for i, total in enumerate(sums) if all(total < earlier for earlier in sums[:i])]
        since = len(sums) - 1 - improvements[-1]
        if since == patience + 1:
            lengths.append(len(run) - since - 1)
            run = []
    return lengths


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_restarts_are_those_of_a_plain_rendering(patience, seed):
    # Eighths: sums are exact, and ties, which are no improvement, are frequent.
    errors = [random.Random(f"{seed} {i}").randrange(9) / 8 for i in range(200)]
    restarts = Restarts(patience)
    due = [restarts.record(error) for error in errors]
    assert restarts.lengths == plainly(errors, patience)
    assert sum(due) == len(restarts.lengths) > 1


def test_a_network_that_improves_goes_on_and_one_that_does_not_ends():
    restarts = Restarts(3)
    assert not any(restarts.record(1 / (i + 2)) for i in range(50))
    ends = [i for i in range(10) if restarts.record(1.0)]
    # The window's sum was lowest after 50 steps; four steps on end without improvement are one more than the patience.
    assert ends[0] == 3
    assert restarts.lengths == [49]


def test_a_plateau_is_no_improvement():
    restarts = Restarts(2)
    # Two fill the window, the third sets the first sum, three more repeat it.
    assert [restarts.record(0.5) for _ in range(6)] == [False] * 5 + [True]
    assert (restarts.lengths, restarts.steps) == ([2], 0)


def test_training_lasts_as_the_latest_three_did():
    restarts = Restarts(2, lengths=[1000, 10, 20, 31])
    assert restarts.training_steps() == 20
    assert Restarts(2, steps=7).training_steps() == 7
    assert Restarts(2, lengths=[0, 0]).training_steps() == 1


def test_tensors_hold_all_but_the_patience():
    restarts = Restarts(4)
    for i in range(23):
        restarts.record(0.1 * (i * 7 % 5))
    again = Restarts.of(4, restarts.tensors())
    assert again == restarts
    assert again.window
