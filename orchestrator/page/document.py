"""Put a page together: the run's figures, section by section, into one file that needs no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from orchestrator.figures import count
from orchestrator.page.attack import attack
from orchestrator.page.blocks import Block, Gallery, Plotted, Section, Table
from orchestrator.page.findings import Findings, findings
from orchestrator.page.images import distilled_set
from orchestrator.page.networks import networks
from orchestrator.page.origin import cost, origin
from orchestrator.page.result import result
from orchestrator.page.searching import searching
from orchestrator.page.sizes import curve, examples
from orchestrator.page.training import training
from orchestrator.page.trials import trials
from orchestrator.page.troubles import troubles
from orchestrator.page.verdict import standing, tiles, verdict
from orchestrator.place import Place
from orchestrator.publish import publish
from orchestrator.size_curve import Task
from orchestrator.summary import Summary

__all__ = ["page", "write_curve", "write_page"]

_SECTIONS = (result, distilled_set, trials, networks, training, searching, examples, attack, troubles, cost, origin)
_FILE = "report.html"


def write_page(folder: Place, to: Place | None = None, figures: Summary | None = None) -> Place:
    """Write the page of the run in ``folder`` to its report.html, or ``to`` another file, whole; return its path.

    Raises what `page` raises; `OSError` is let through.
    """
    path = to or folder / _FILE
    publish(path, page(folder, figures).encode())
    return path


def page(folder: Place, figures: Summary | None = None) -> str:
    """Return the page of the run in ``folder``, at whatever stage it is; ``figures`` are its, where they are at hand.

    Raises `RunError` where there is no run, `RecordsError` for a damaged table.
    """
    with findings(folder, figures) as found:
        about = found.summary
        return _template().render(
            title=about.name,
            about=about.about,
            standing=standing(found),
            verdict=verdict(found),
            tiles=tiles(found),
            sections=list(_sections(found)),
            folder=about.folder,
            written=_now(),
        )


def write_curve(tasks: Sequence[Task], to: Path) -> Path:
    """Write the page of several runs, their accuracy against the number of examples, whole; `OSError` is let through."""
    sections = [curve(number, task) for number, task in enumerate(tasks)]
    said = _template().render(
        title="Accuracy against the number of examples",
        about="",
        standing=count(sum(len(task.lines) for task in tasks), "run"),
        verdict="",
        tiles=[],
        sections=sections,
        folder="",
        written=_now(),
    )
    publish(to, said.encode())
    return to


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _sections(found: Findings) -> Iterator[Section]:
    for make in _SECTIONS:
        section = make(found)
        if section is not None:
            yield dataclasses.replace(section, blocks=_asked_once(section.blocks))


def _asked_once(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks of a section with the SQL of plots that follow each other shown below the first alone."""
    shown: list[Block] = []
    before = None
    for block in blocks:
        source = block.source if isinstance(block, Plotted) else None
        same = source is not None and source == before
        shown.append(dataclasses.replace(block, is_asked=False) if isinstance(block, Plotted) and same else block)
        before = source
    return shown


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    kinds = {"table": Table, "plotted": Plotted, "gallery": Gallery}
    environment.tests |= {name: lambda block, kind=kind: isinstance(block, kind) for name, kind in kinds.items()}
    return environment.get_template("page.html")


def _read(name: str) -> str:
    return (files("orchestrator.page") / name).read_text(encoding="utf-8")
