"""By how much the winner of a final is ahead of the runner-up, on initialisations that both were measured on.

Both were distilled with the same seeds, run by run, and train the same networks, initialisation by initialisation, so what is
looked at is the table of differences, a row a run and a column an initialisation; `orchestrator.estimate` has the error of its
mean. The interval is Student's t, at the degrees of freedom of the runs where there are several: means over tens of networks are
near enough to normal, whatever the networks' own distribution is, and for the three or five runs that anybody can afford a
bootstrap would be far too narrow. It also takes no random draw.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from orchestrator.estimate import Estimate, estimate
from orchestrator.interval import interval
from orchestrator.place import Place
from orchestrator.records import Row, read

__all__ = ["RunnerUp", "runner_up", "search_rows"]

_Table = dict[int, dict[int, float]]
"""Accuracies by run and by the initialisation's seed."""


@dataclass(frozen=True)
class RunnerUp:
    """The trial that came second on validation. ``ahead`` is the winner's accuracy minus its, over the ``runs`` and the
    initialisations that both have; ``low`` and ``high`` bound its 95 % interval, `None` for a single pair.

    ``better`` is the share of pairs in which the winner is ahead, a tie one half. On the validation split the winner has been
    chosen by these very networks, and ``ahead`` is too large; on the test split it is fair.
    """

    trial: int
    phase: str
    split: str
    network: str
    runs: tuple[int, ...]
    ahead: Estimate
    low: float | None
    high: float | None
    better: float


def runner_up(
    rows: Iterable[Row], phase: str, winner: int, second: int, network: str, searched: bool
) -> RunnerUp | None:
    """Return how trial ``winner`` stands to trial ``second`` by the ``rows`` of ``phase``; `None` where they share no pair.

    Run 0 is what a search chose by, and does not count where both have further runs, unless nothing was ``searched``.
    """
    tables: dict[int, _Table] = {winner: defaultdict(dict), second: defaultdict(dict)}
    split = ""
    for row in rows:
        if row["phase"] == phase and row["trial"] in tables and row["network"] == network:
            tables[row["trial"]][row["run"]][row["seed"]] = row["accuracy"]
            split = row["split"]
    gaps = _gaps(tables[winner], tables[second])
    runs = sorted(run for run in gaps if run > 0 or not searched) or sorted(gaps)
    ahead = estimate([gaps[run] for run in runs])
    if ahead is None:
        return None
    low, high = interval(ahead) or (None, None)
    return RunnerUp(second, phase, split, network, tuple(runs), ahead, low, high, _better([gaps[run] for run in runs]))


def search_rows(folder: Place, trials: Sequence[int]) -> list[Row]:
    """Return what `runner_up` wants of the search's networks of these trials of the run in ``folder``."""
    rows = read(folder, "evaluations", ["trial", "phase", "run", "split", "network", "seed", "accuracy"])
    wanted = pc.and_(pc.equal(rows["phase"], "search"), pc.is_in(rows["trial"], pa.array(trials, rows["trial"].type)))
    found: list[Row] = rows.filter(wanted).to_pylist()
    return found


def _gaps(winner: _Table, second: _Table) -> _Table:
    """Return the differences of all pairs, by run and by seed in the order of seeds."""
    paired = {
        run: {seed: winner[run][seed] - second[run][seed] for seed in sorted(winner[run].keys() & second[run].keys())}
        for run in winner.keys() & second.keys()
    }
    return {run: gaps for run, gaps in paired.items() if gaps}


def _better(groups: Sequence[dict[int, float]]) -> float:
    gaps = [gap for group in groups for gap in group.values()]
    return sum((gap > 0) + (gap == 0) / 2 for gap in gaps) / len(gaps)
