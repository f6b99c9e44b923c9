"""The phase of evaluations of sets that are not finished yet: ``rung/100`` is of those after 100 outer steps."""

from __future__ import annotations

__all__ = ["is_rung", "rung_phase"]

_KIND = "rung/"


def rung_phase(rung: int) -> str:
    """Return the phase of evaluations at a rung, an outer step."""
    return f"{_KIND}{rung}"


def is_rung(phase: str) -> bool:
    """Say whether evaluations of that phase are of sets that are not finished yet."""
    return phase.startswith(_KIND)
