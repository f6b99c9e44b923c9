"""What it cost, and what exactly ran on what: seeds, hashes, versions, the sweep itself."""

from __future__ import annotations

from orchestrator.figures import clock, percent
from orchestrator.page.blocks import Section, Table
from orchestrator.page.findings import Findings

__all__ = ["cost", "origin"]

_COST = "What did it cost?"
_RAN = "What exactly ran?"
_ON = "On what did it run?"


def cost(found: Findings) -> Section:
    """Return the section on device time."""
    spent = found.summary.cost
    parts = {"search": spent.search, "final": spent.final, "baselines": spent.baselines, "other": spent.other}
    rows = [
        (what, clock(seconds), f"{seconds:,.1f}", percent(seconds / spent.devices))
        for what, seconds in parts.items()
        if seconds
    ]
    networks = f"{found.summary.networks:,} networks were trained."
    if not rows:
        return Section("cost", "Cost", [networks])
    rows.append(("all", clock(spent.devices), f"{spent.devices:,.1f}", "-"))
    if spent.wall is not None:
        rows.append(("on the clock, with a driver at work", clock(spent.wall), f"{spent.wall:,.1f}", "-"))
    headers = ("what", "h:mm:ss", "seconds", "share, %")
    note = "Device time is the sum over outer steps and networks; the search's counts trials that have ended."
    return Section("cost", "Cost", [networks], [Table(headers, rows, found.source(_COST), note=note)])


def origin(found: Findings) -> Section:
    """Return the section on what ran: the digest, the whole sweep, the environment."""
    ran, on = found.answer(_RAN), found.answer(_ON)
    texts = frozenset(("value",))
    tables = [
        Table(
            ("key", "value"),
            [(row["key"], row["value"]) for row in rows],
            found.source(title),
            title=name,
            texts=texts,
            folded=folded,
        )
        for rows, title, name, folded in (
            (on, _ON, "Versions and machine", False),
            (ran, _RAN, "The whole sweep", True),
        )
        if rows
    ]
    about = f"Seed {found.run.sweep.seed}. Digest of what decides results: {found.summary.digest}"
    return Section("origin", "Seeds, hashes, versions", [about], tables)
