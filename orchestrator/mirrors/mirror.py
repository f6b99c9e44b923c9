"""A copy of a run in another tool, kept in step with the run's files: the protocol, and the tools by name.

What is in a tool stays there, so that mirroring again adds what has come since, and nothing twice. A mirror only reads the run.
"""

from __future__ import annotations

import importlib
from typing import Protocol

from orchestrator.mirrors.story import Story

__all__ = ["KINDS", "Mirror", "MirrorError", "open_mirror"]

KINDS = {
    "optuna": "an SQLAlchemy URL, as sqlite:///study.db, or a journal file; for optuna-dashboard",
    "tensorboard": "a folder of logs",
    "mlflow": "a tracking URI, as sqlite:///mlflow.db or http://host:5000",
    "wandb": "a project, as PROJECT or ENTITY/PROJECT",
}
"""What the place after ``KIND:`` is, of each kind."""


class MirrorError(RuntimeError):
    """A place that cannot be written to, in one line."""


class Mirror(Protocol):
    """The copy of runs in one place."""

    def take(self, story: Story) -> set[str]:
        """Bring the copy up to ``story``; return the names of its trials that were new there or have changed."""

    def close(self) -> None:
        """Let go of the place."""


def open_mirror(target: str) -> Mirror:
    """Open the place that ``KIND:PLACE`` names. Raises `MirrorError`, for a package that is absent too."""
    kind, _, place = target.partition(":")
    if kind not in KINDS or not place:
        named = "; ".join(f"{name}: {what}" for name, what in KINDS.items())
        raise MirrorError(f"--to {target}: expected KIND:PLACE, where the place is, of {named}")
    try:
        module = importlib.import_module(f"orchestrator.mirrors.{kind}_mirror")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("orchestrator", "distiller"):
            raise
        raise MirrorError(
            f"--to {target}: needs the package {error.name}; install it, in Stillhouse's folder, with: pip install -e '.[{kind}]'"
        ) from None
    opened: Mirror = module.open_place(place)
    return opened
