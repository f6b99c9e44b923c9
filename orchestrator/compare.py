"""Runs side by side: what differs in their sweeps and in the recipes that they found, and what that did to the accuracy."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.compute as pc

from orchestrator.difference import Accuracies, Difference, difference
from orchestrator.differing import differing
from orchestrator.ledger import Ledger
from orchestrator.measurement import phase_parts
from orchestrator.opening import Run, RunError, open_run
from orchestrator.place import Place
from orchestrator.records import Row, read
from orchestrator.summary import Headline, Summary, summary

__all__ = ["Comparison", "Gain", "Side", "compare"]

_OF_A_NETWORK = ("trial", "phase", "run", "split", "network", "seed", "accuracy")
_FOR_PEOPLE = ("name", "about", "published", "cost")


@dataclass(frozen=True)
class Side:
    """A run: its figures, its settled sweep and its best trial's recipe, which is empty where no trial is complete."""

    folder: str
    summary: Summary
    sweep: Mapping[str, Any]
    recipe: Mapping[str, Any]

    @property
    def headline(self) -> Headline | None:
        """The best trial and what it is worth."""
        return self.summary.headline


@dataclass(frozen=True)
class Gain:
    """A run against the first: ``difference`` on ``split``, on networks of the name ``network`` in both.

    `None` where there is nothing to compare, for the reason ``why``. The interval is over initialisations: of these very sets,
    not of others that the same recipe would distil.
    """

    folder: str
    split: str
    network: str
    difference: Difference | None
    why: str | None


@dataclass(frozen=True)
class Comparison:
    """Runs in the order asked for; all gains are against the first. ``sweep`` and ``recipe`` hold what differs, a value a run."""

    sides: tuple[Side, ...]
    sweep: Mapping[str, tuple[Any, ...]]
    recipe: Mapping[str, tuple[Any, ...]]
    gains: tuple[Gain, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, with ``version`` (1)."""
        runs = [
            {"folder": side.folder, "name": side.summary.name, "headline": side.headline and asdict(side.headline)}
            for side in self.sides
        ]
        differing = {"sweep": dict(self.sweep), "recipe": dict(self.recipe)}
        plain = {"version": 1, "runs": runs, "differing": differing, "gains": [asdict(gain) for gain in self.gains]}
        result: dict[str, Any] = json.loads(json.dumps(plain))
        return result


def compare(folders: Sequence[Place]) -> Comparison:
    """Compare the runs in ``folders`` with the first of them. Raises `RunError` for fewer than two, and what `summary` raises."""
    if len(folders) < 2:
        raise RunError("expected two runs or more to compare; `stillhouse report RUN` shows one")
    runs = [open_run(folder) for folder in folders]
    sides = tuple(_side(run) for run in runs)
    tables = [_networks(side, run.folder) for side, run in zip(sides, runs, strict=True)]
    gains = tuple(_gain(sides[0], tables[0], side, rows) for side, rows in zip(sides[1:], tables[1:], strict=True))
    return Comparison(sides, differing([side.sweep for side in sides]), _found_recipes(sides), gains)


def _networks(side: Side, folder: Place) -> Sequence[Row]:
    """Return the evaluations of a side's best trial: all of a run's may be a million, which would fill memory."""
    if side.headline is None:
        return []
    rows: list[Row] = read(folder, "evaluations", _OF_A_NETWORK, pc.field("trial") == side.headline.trial).to_pylist()
    return rows


def _side(run: Run) -> Side:
    found = summary(run.folder)
    sweep = {key: value for key, value in run.sweep.frozen().items() if key not in _FOR_PEOPLE}
    # What the sweep itself says, and its recipe once more.
    sweep["recipe"] = {key: value for key, value in sweep["recipe"].items() if key not in ("seed", "validation")}
    recipe: Mapping[str, Any] = {}
    if found.headline is not None:
        recipe = Ledger(run.table("trials").to_pylist()).recipe(found.headline.trial).plain()
    return Side(str(run.folder), found, sweep, recipe)


def _found_recipes(sides: Sequence[Side]) -> dict[str, tuple[Any, ...]]:
    """Return what differs among the recipes that there are."""
    found = differing([{"recipe": side.recipe} for side in sides if side.recipe])
    values = {key.removeprefix("recipe."): iter(row) for key, row in found.items()}
    return {key: tuple(next(row) if side.recipe else None for side in sides) for key, row in values.items()}


def _gain(first: Side, first_rows: Sequence[Row], other: Side, other_rows: Sequence[Row]) -> Gain:
    """Compare on the test split where both have it, else on validation."""
    heads = (first.headline, other.headline)
    if heads[0] is None or heads[1] is None:
        none = first.folder if heads[0] is None else other.folder
        return Gain(other.folder, "", "", None, f"{none} has no complete trial")
    if apart := _apart(first, other):
        return Gain(other.folder, "", "", None, apart)
    split = "test" if heads[0].test and heads[1].test else "validation"
    network = heads[0].network
    accuracies = [
        _accuracies(rows, head, split, network) for rows, head in ((first_rows, heads[0]), (other_rows, heads[1]))
    ]
    found = difference(*accuracies)
    why = None if found else f"not both were measured with {network} on the {split} split"
    return Gain(other.folder, split, network, found, why)


def _apart(first: Side, other: Side) -> str | None:
    """Return why accuracies of the two are no figures of one thing: they are of other examples, or against other labels."""
    for key in ("data", "objective"):
        values = [json.dumps(side.recipe[key]).strip('"') for side in (first, other)]
        if values[0] != values[1]:
            return f"{key} differs: {values[0]} and {values[1]}"
    return None


def _accuracies(rows: Sequence[Row], headline: Headline, split: str, network: str) -> Accuracies:
    """Return what the headline is the mean of, by initialisation: the mean over distillation runs, where there are several."""
    found: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        of_final = row["phase"] == headline.phase and row["run"] in headline.runs
        wanted = of_final if split == "test" else phase_parts(row["phase"])[0] == "search"
        if wanted and (row["trial"], row["split"], row["network"]) == (headline.trial, split, network):
            found[row["seed"]].append(row["accuracy"])
    return {seed: math.fsum(values) / len(values) for seed, values in found.items()}
