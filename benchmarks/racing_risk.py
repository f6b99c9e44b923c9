"""What racing over initialisations risks and saves, over simulated whole searches.

    python benchmarks/racing_risk.py [--searches 4000] [--quick] [--run RUN ...]

A search is simulated trial by trial as the driver runs it: each trial is compared, look by look, with the best complete trial so
far, by the very rule of `orchestrator.racing`; those that are stopped are no incumbents. Accuracies have mean 0 and standard
deviation 1 over initialisations, but for what is said. First, what a plain test would risk; then four tables: the networks that
are spent on a trial of a given deficit; the risk where all trials are equally good and the best one comes last, which is the
hardest case; the same for any two shapes; and the risk where the trials' true means differ. With ``--run`` there is one table
instead: accuracies are drawn from those that the networks of real runs had, each trial's from one set's, with its mean taken
off. Errors are one standard error of the simulation.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from orchestrator.race_threshold import evidence_of, threshold
from orchestrator.records import read

Array = NDArray[np.float64]
Shape = Callable[[np.random.Generator, tuple[int, ...]], Array]

LOOKS = ((10, 25, 50, 100, 200), (10, 25, 50), (20, 50, 100), (5, 10, 20), (10, 50, 200), (25, 200))
TRIALS = (8, 32, 128)
RISK = 0.05
LAG = 8
_BATCH = 50  # searches that are held at once


def _two_modes(share: float) -> Shape:
    """Return accuracies of two modes, of which the lower has that ``share`` of the networks."""

    def draw(random: np.random.Generator, size: tuple[int, ...]) -> Array:
        apart = 0.98 / math.sqrt(share * (1 - share))
        low = random.random(size) < share
        return np.where(low, -(1 - share) * apart, share * apart) + 0.2 * random.standard_normal(size)

    return draw


SHAPES: dict[str, Shape] = {
    "normal": lambda random, size: random.standard_normal(size),
    "skewed low": lambda random, size: 1 - random.standard_exponential(size),
    "skewed high": lambda random, size: random.standard_exponential(size) - 1,
    "bimodal": _two_modes(0.5),
    "1 in 10 fails": _two_modes(0.1),
    "1 in 50 fails": _two_modes(0.02),
    "1 in 10 excels": _two_modes(0.9),
}
SAME = ("normal", "skewed low", "skewed high", "bimodal", "1 in 10 fails", "1 in 50 fails")


def race(accuracies: Array, looks: tuple[int, ...], risk: float, lag: int) -> NDArray[np.int64]:
    """Race searches, an array (search, trial, initialisation); return how many networks each trial is given, (search, trial)."""
    searches, trials, last = accuracies.shape
    rows = np.arange(searches)
    spent = np.full((searches, trials), last)
    means, variances = accuracies.mean(2), accuracies.var(2, ddof=1)
    for trial in range(trials):
        seen = trial - lag + 1
        if seen < 1:
            continue
        complete = spent[:, :seen] == last
        incumbent = np.where(complete, means[:, :seen], -np.inf).argmax(1)
        median = np.nanmedian(np.where(complete, variances[:, :seen], np.nan), axis=1)
        spread = np.maximum(median, variances[rows, incumbent])
        gaps = accuracies[rows, incumbent] - accuracies[:, trial]
        limit = threshold(looks, risk, seen)
        for look in looks[:-1]:
            few = gaps[:, :look]
            found = evidence_of(few.mean(1), np.maximum(few.var(1, ddof=1), spread), look)
            spent[(found >= limit) & (spent[:, trial] == last), trial] = look
    return spent


def ties(
    own: Shape, others: Shape, trials: int, looks: tuple[int, ...], searches: int, seed: int, scale: float = 1.0
) -> Iterator[Array]:
    """Yield accuracies of searches in which ``trials`` rivals are as good as the best one, which comes last, after a lag."""
    random = np.random.default_rng(seed)
    for first in range(0, searches, _BATCH):
        count = min(_BATCH, searches - first)
        before = others(random, (count, trials + LAG - 1, looks[-1]))
        yield np.concatenate([before, scale * own(random, (count, 1, looks[-1]))], axis=1)


def lost(batches: Iterator[Array], looks: tuple[int, ...], risk: float = RISK) -> tuple[float, float]:
    """Return the share of searches in which the last trial is stopped, and its standard error."""
    stopped = np.concatenate([race(batch, looks, risk, LAG)[:, -1] < looks[-1] for batch in batches])
    share = float(stopped.mean())
    return share, math.sqrt(max(share * (1 - share), 1 / len(stopped)) / len(stopped))


def spreads(
    shape: Shape, trials: int, looks: tuple[int, ...], searches: int, seed: int, spread: float
) -> tuple[float, float]:
    """Return the share of searches that lose their best trial, and of networks spent; true means are normal with ``spread``."""
    random = np.random.default_rng(seed)
    losses, used = [], []
    for first in range(0, searches, _BATCH):
        count = min(_BATCH, searches - first)
        true = spread * random.standard_normal((count, trials, 1))
        spent = race(shape(random, (count, trials, looks[-1])) + true, looks, RISK, LAG)
        losses.append(spent[np.arange(count), true[:, :, 0].argmax(1)] < looks[-1])
        used.append(spent.mean(1) / looks[-1])
    return float(np.concatenate(losses).mean()), float(np.concatenate(used).mean())


def networks_spent(deficit: float, rivals: int, looks: tuple[int, ...], searches: int, seed: int) -> float:
    """Return the mean networks given to a last trial whose paired difference is ``deficit`` of its standard deviation behind."""
    random, used = np.random.default_rng(seed), []
    for first in range(0, searches, _BATCH):
        batch = random.standard_normal((min(_BATCH, searches - first), rivals + LAG, looks[-1]))
        # All rivals are equal; the difference of two independent trials has a standard deviation of the root of 2.
        batch[:, -1] -= deficit * math.sqrt(2)
        used.append(race(batch, looks, RISK, LAG)[:, -1])
    return float(np.concatenate(used).mean())


def plain_evidence(rivals: int, looks: tuple[int, ...], searches: int, seed: int) -> Array:
    """Return the most evidence, of a plain paired test at any look, for the best of ``rivals`` over an equally good trial."""
    random, most = np.random.default_rng(seed), []
    for first in range(0, searches, _BATCH):
        size = (min(_BATCH, searches - first), looks[-1])
        others = random.standard_normal((size[0], rivals, size[1]))
        gaps = others[np.arange(size[0]), others.mean(2).argmax(1)] - random.standard_normal(size)
        found = [evidence_of(gaps[:, :n].mean(1), gaps[:, :n].var(1, ddof=1), n) for n in looks[:-1]]
        most.append(np.max(found, axis=0))
    return np.concatenate(most)


def _print_plain(searches: int, looks: tuple[int, ...]) -> None:
    limit = np.quantile(plain_evidence(1, looks, searches, 1), 1 - RISK)
    shares = [f"{100 * (plain_evidence(n, looks, searches, 2) >= limit).mean():.0f} % of {n}" for n in TRIALS]
    print(
        f"\nA plain paired test of {100 * RISK:g} % against one rival, looks {_listed(looks)}, stops an equally good trial"
    )
    print(f"against the best {', '.join(shares)}; accuracies are normal")


def _print_ties(searches: int, looks_offered: tuple[tuple[int, ...], ...]) -> None:
    print(f"\nThe best trial is lost, of searches whose trials are all equally good; stated: {100 * RISK:g} %\n")
    hard = [("skewed high", "skewed low")]
    pairs = [(name, name) for name in SAME] + hard
    names = [own if own == other else f"{own} among {other}" for own, other in pairs]
    print("| looks | best of | " + " | ".join(names) + " |\n" + "|---" * (2 + len(names)) + "|")
    for looks in looks_offered:
        for trials in TRIALS:
            cells = []
            for seed, (own, other) in enumerate(pairs):
                share, error = lost(ties(SHAPES[own], SHAPES[other], trials, looks, searches, seed), looks)
                cells.append(f"{100 * share:.1f} ± {100 * error:.1f}")
            print(f"| {_listed(looks)} | {trials} | " + " | ".join(cells) + " |", flush=True)


def _print_mixed(searches: int, looks: tuple[int, ...], trials: int) -> None:
    print(
        f"\nThe same for any two shapes, best of {trials}, looks {_listed(looks)}: the largest of three ratios of the best"
    )
    print("trial's standard deviation to its rivals', 1/3, 1 and 3\n")
    print("| best trial | " + " | ".join(f"among {name}" for name in SHAPES) + " |\n|---" + "|---" * len(SHAPES) + "|")
    for own in SHAPES:
        cells = []
        for other in SHAPES:
            found = [
                lost(ties(SHAPES[own], SHAPES[other], trials, looks, searches, 7, scale), looks)[0]
                for scale in (1 / 3, 1.0, 3.0)
            ]
            cells.append(f"{100 * max(found):.1f}")
        print(f"| {own} | " + " | ".join(cells) + " |", flush=True)


def _print_spreads(searches: int, looks: tuple[int, ...]) -> None:
    print(
        f"\nSearches whose trials' true means are normal, looks {_listed(looks)}, lag {LAG}: how often the best is lost, and"
    )
    print("the networks spent in per cent of always the last look\n")
    print("| shape | best of | sd of true means | best lost, % | networks spent, % |\n|---|---|---|---|---|")
    for name in ("normal", "skewed low", "bimodal"):
        for trials in TRIALS[1:]:
            for spread in (0.1, 0.5, 2.0):
                share, used = spreads(SHAPES[name], trials, looks, searches, 11, spread)
                print(f"| {name} | {trials} | {spread} | {100 * share:.1f} | {100 * used:.0f} |", flush=True)


def _print_spent(searches: int, looks: tuple[int, ...]) -> None:
    print(
        f"\nMean networks spent on a trial, looks {_listed(looks)}, by its true deficit in sd of the paired difference\n"
    )
    print("| best of | 0 | 0.25 | 0.5 | 1 | 2 |\n|---|---|---|---|---|---|")
    for rivals in TRIALS:
        cells = [f"{networks_spent(deficit, rivals, looks, searches, 5):.0f}" for deficit in (0, 0.25, 0.5, 1, 2)]
        print(f"| {rivals} | " + " | ".join(cells) + " |", flush=True)


def real_sets(folders: Sequence[str], fewest: int = 50) -> list[Array]:
    """Return the accuracies on each set of some runs that trained at least ``fewest`` networks, with their mean taken off."""
    found: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for folder in folders:
        for row in read(Path(folder), "evaluations").to_pylist():
            key = folder, row["trial"], row["phase"], row["run"], row["draw"], row["split"], row["network"]
            found[key].append(row["accuracy"])
    return [np.array(values) - np.mean(values) for values in found.values() if len(values) >= fewest]


def drawn_from(sets: Sequence[Array]) -> Shape:
    """Return accuracies of trials each of which is like one of ``sets``, drawn at random."""

    def draw(random: np.random.Generator, size: tuple[int, ...]) -> Array:
        found = np.empty(size)
        which = random.integers(len(sets), size=size[:2])
        for place, number in np.ndenumerate(which):
            found[place] = random.choice(sets[number], size[2])
        return found

    return draw


def _print_real(folders: Sequence[str], searches: int) -> None:
    sets = real_sets(folders)
    spreads = [float(each.std(ddof=1)) for each in sets]
    skews = [float((each**3).mean() / each.std() ** 3) for each in sets]
    about = f"standard deviations {100 * min(spreads):.1f} to {100 * max(spreads):.1f} points, skewness"
    print(f"\n{len(sets)} real sets, {about} {min(skews):.1f} to {max(skews):.1f}:")
    print(f"the best trial is lost, of searches whose trials are all equally good; stated: {100 * RISK:g} %\n")
    print("| looks | " + " | ".join(f"best of {trials}" for trials in TRIALS) + " |\n|---" + "|---" * len(TRIALS) + "|")
    shape = drawn_from(sets)
    for looks in LOOKS:
        found = [lost(ties(shape, shape, trials, looks, searches, 13), looks) for trials in TRIALS]
        cells = (f"{100 * share:.1f} ± {100 * error:.1f}" for share, error in found)
        print(f"| {_listed(looks)} | " + " | ".join(cells) + " |", flush=True)


def _listed(looks: tuple[int, ...]) -> str:
    return ", ".join(map(str, looks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=4000, help="simulated for each figure")
    parser.add_argument("--quick", action="store_true", help="one schedule of looks")
    parser.add_argument("--run", nargs="+", default=[], help="runs whose accuracies are drawn from")
    given = parser.parse_args()
    if given.run:
        _print_real(given.run, given.searches)
        return
    began = time.perf_counter()
    offered = LOOKS[:1] if given.quick else LOOKS
    _print_plain(given.searches, LOOKS[0])
    _print_spent(given.searches // 4, LOOKS[0])
    _print_ties(given.searches, offered)
    _print_mixed(given.searches // 4, LOOKS[1], 32)
    _print_spreads(given.searches // 4, LOOKS[0])
    print(f"\n{given.searches:,} searches for each figure of the second table; {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
