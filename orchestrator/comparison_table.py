"""Show a comparison of runs on a screen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.compare import Comparison, Gain
from orchestrator.figures import clock, count, mean_sd, number, percent, points

__all__ = ["render_comparison"]

_LEGEND = (
    "Accuracies in %, ± the standard deviation over networks; sd runs: over distillations; devices: their time in all. "
    "Differences in points, with a 95 % interval over initialisations of these very sets, paired where the runs share them."
)


def render_comparison(found: Comparison, console: Console) -> None:
    """Print the runs, what differs in them, and by how much each is above the first."""
    letters = [_letter(index) for index in range(len(found.sides))]
    for letter, side in zip(letters, found.sides, strict=True):
        console.print(Text.assemble((letter, "bold"), f"  {side.folder}"))
    console.print()
    console.print(_runs(found, letters))
    # What the sweeps say of a recipe is not told twice.
    recipe = {key: row for key, row in found.recipe.items() if not _is_told(found, key, row)}
    for title, differing in (("differs in the sweeps", found.sweep), ("differs in the recipes found besides", recipe)):
        console.print()
        console.print(Text(title if differing else f"nothing {title}", style="bold"))
        if differing:
            console.print(_settings(differing, letters))
    console.print()
    for letter, gain in zip(letters[1:], found.gains, strict=True):
        console.print(Text(_line(letter, gain)))
    console.print(Text(_LEGEND, style="dim"))


def _letter(index: int) -> str:
    """Return A, B, ... Z, A1, B1, ..."""
    return chr(ord("A") + index % 26) + (str(index // 26) if index >= 26 else "")


def _runs(found: Comparison, letters: list[str]) -> Table:
    table = _table("", "trial", "network", "examples", "validation", "test", "sd runs", "n", "devices")
    for letter, side in zip(letters, found.sides, strict=True):
        headline, cost = side.headline, clock(side.summary.cost.devices)
        if headline is None:
            table.add_row(letter, *"------", "0", cost)
            continue
        validation, test = headline.validation, headline.test
        table.add_row(
            letter, str(headline.trial), Text(headline.network),
            "-" if headline.examples is None else f"{headline.examples:,}",
            mean_sd(validation.mean, validation.sd_networks),
            mean_sd(test.mean, test.sd_networks) if test else "-", percent(test.sd_groups) if test else "-",
            f"{(test or validation).n:,}", cost,
        )  # fmt: skip
    return table


def _is_told(found: Comparison, key: str, row: tuple[Any, ...]) -> bool:
    """Say whether the sweeps have the same values as the recipes that there are."""
    swept = found.sweep.get(f"recipe.{key}")
    return swept is not None and all(
        one == other for one, other, side in zip(row, swept, found.sides, strict=True) if side.recipe
    )


def _settings(differing: Mapping[str, tuple[Any, ...]], letters: list[str]) -> Table:
    table = _table("key", *letters)
    table.columns[0].no_wrap = True
    for key, values in differing.items():
        table.add_row(Text(key), *(Text(_value(value)) for value in values))
    return table


def _value(value: Any) -> str:
    if isinstance(value, dict) and "space" in value:
        return f"{value['trials']} trials of {', '.join(value['space'])}"
    if isinstance(value, dict):
        # What is not set, such as a range's step, says nothing.
        value = {key: each for key, each in value.items() if each not in (False, None)}
    return json.dumps(value) if isinstance(value, dict | list | tuple) else number(value)


def _line(letter: str, gain: Gain) -> str:
    found = gain.difference
    if found is None:
        return f"{letter} - A: not known: {gain.why}"
    interval = "" if found.low is None else f" [{points(found.low)}, {points(found.high)}]"
    if found.better is None:
        over = f"{found.networks:,} networks, no initialisation shared"
    else:
        share = percent(found.better / found.networks)
        over = f"paired over {count(found.networks, 'initialisation')}, {letter} better on {share} %"
    return f"{letter} - A: {points(found.mean)}{interval} on the {gain.split} split with {gain.network}; {over}"


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table
