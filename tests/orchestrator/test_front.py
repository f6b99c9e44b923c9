from hypothesis import given
from hypothesis import strategies as st
from sample_rows import PARAMS, trial

from orchestrator.front import front
from orchestrator.ledger import Ledger
from orchestrator.plan import best_trials
from orchestrator.query import query
from orchestrator.records import Records


def rows(points):
    return [
        trial(n, objectives=[float(x) for x in point], accuracy_mean=float(point[0])) for n, point in enumerate(points)
    ]


def test_what_another_beats_is_not_on_the_front():
    points = [(0.9, 100, 5), (0.8, 10, 5), (0.8, 20, 4), (0.7, 20, 4), (0.9, 100, 6), (0.8, 10, 5), (0.1, 1, 1)]
    assert [row["trial"] for row in front(rows(points))] == [0, 1, 5, 2, 6]
    assert [row["trial"] for row in front(rows([(0.5,), (0.7,), (0.7,)]))] == [1, 2]
    assert front([trial(0, status="diverged", objectives=None), trial(1, status="failed", objectives=None)]) == []


def test_the_final_takes_the_front_by_accuracy():
    ledger = Ledger(rows([(0.9, 100), (0.89, 120), (0.8, 10), (0.85, 100)]))
    assert best_trials(ledger, 3) == [0, 2]  # trial 1 is more accurate than trial 2, and beaten by trial 0
    assert best_trials(Ledger(rows([(0.9,), (0.89,), (0.8,)])), 2) == [0, 1]


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 3)] * n), min_size=1, max_size=12)))
def test_the_front_is_who_is_beaten_by_none(points):
    def beats(a, b):
        return a != b and a[0] >= b[0] and all(x <= y for x, y in zip(a[1:], b[1:], strict=True))

    wanted = {n for n, point in enumerate(points) if not any(beats(other, point) for other in points)}
    found = [row["trial"] for row in front(rows(points))]
    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert [-points[n][0] for n in found] == sorted(-points[n][0] for n in found)


def test_sql_finds_the_same_front(tmp_path):
    points = [(0.9, 100, 5), (0.8, 10, 5), (0.8, 20, 4), (0.7, 20, 4), (0.9, 100, 6), (0.1, 1, 1)]
    records = Records(tmp_path, PARAMS)
    records.append("trials", [*rows(points), trial(6, status="diverged", objectives=None)])
    records.flush()
    found = query(tmp_path, "SELECT trial FROM front").column("trial").to_pylist()
    assert found == [row["trial"] for row in front(rows(points))] == [0, 1, 2, 5]
    assert query(tmp_path, "SELECT trial FROM best").column("trial").to_pylist() == [0]
