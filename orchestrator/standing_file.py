"""What a driver is doing, in ``standing.json`` of its run: for whoever watches from another terminal, never read as truth."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from orchestrator.place import Place
from orchestrator.snapshot import Active, Leader, Snapshot

__all__ = ["read_standing", "write_standing"]

_NAME = "standing.json"


def write_standing(folder: Place, snapshot: Snapshot) -> None:
    """Replace the file, whole but not durably: it is old a second later. One that cannot be written stops no work."""
    with contextlib.suppress(OSError, ValueError):
        payload = json.dumps(_plain(snapshot)).encode()
        if not isinstance(folder, Path):
            (folder / _NAME).write_bytes(payload)
            return
        temporary = folder / f".{_NAME}.tmp-{os.getpid()}"
        temporary.write_bytes(payload)
        os.replace(temporary, folder / _NAME)


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    best = None if snapshot.best is None else dataclasses.asdict(snapshot.best)
    counts = {"statuses": dict(snapshot.statuses), "failures": dict(snapshot.failures)}
    return vars(snapshot) | counts | {"best": best, "active": [dataclasses.asdict(each) for each in snapshot.active]}


def read_standing(folder: Place) -> tuple[Snapshot, float] | None:
    """Return what the driver said last and when (seconds since 1970); `None` where there is nothing that this version reads."""
    path = folder / _NAME
    try:
        values, written = json.loads(path.read_bytes()), path.stat().st_mtime
        best = values["best"] and Leader(**values["best"])
        active = tuple(Active(**each) for each in values["active"])
        return Snapshot(**values | {"best": best, "active": active}), written
    except (OSError, ValueError, KeyError, TypeError):
        return None
