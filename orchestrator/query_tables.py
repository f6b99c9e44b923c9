"""Tables that a question may use beside a run's own: its sweep, where it ran, events, rates, sentences, importance of keys.

Each is made only for a question that names it, and what makes it is imported only then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from orchestrator.place import Place
from orchestrator.records import part_paths

__all__ = ["SMALL_TABLES"]

_KEYS = pa.schema([("key", pa.string()), ("value", pa.string())])
_EVENTS = pa.schema(
    [("line", pa.int64()), ("time", pa.timestamp("us", "UTC")), ("event", pa.string()), ("about", pa.string())]
)
_RATES = pa.schema(
    [
        ("file", pa.string()),
        ("position", pa.int32()),
        ("step", pa.int32()),
        ("pass", pa.int32()),
        ("rate", pa.float64()),
    ]
)
_SENTENCES = pa.schema(
    [
        ("file", pa.string()),
        ("step", pa.int32()),
        ("index", pa.int32()),
        ("label", pa.string()),
        ("sentence", pa.string()),
    ]
)
_IMPORTANCE = pa.schema([("key", pa.string()), ("importance", pa.float64())])


def _sweep(folder: Place) -> pa.Table:
    from orchestrator.opening import RunError, open_run

    try:
        run = open_run(folder)
    except RunError:
        return _KEYS.empty_table()
    about = {"digest": run.digest, "finals": list(run.finals), **_dotted(run.sweep.frozen())}
    return _keys(about)


def _environment(folder: Place) -> pa.Table:
    try:
        found = json.loads((folder / "environment.json").read_bytes())
    except (OSError, ValueError):
        return _KEYS.empty_table()
    return _keys(_dotted(found))


def _events(folder: Place) -> pa.Table:
    from orchestrator.run_files import read_events

    events = read_events(folder)
    rows = [
        {"line": line, "time": event.time, "event": event.name, "about": json.dumps(event.about)}
        for line, event in enumerate(events)
    ]
    return pa.Table.from_pylist(rows, _EVENTS)


def _rates(folder: Place) -> pa.Table:
    from orchestrator.distilled_table import rates_of_file

    rows = []
    for path in part_paths(folder, "distilled"):
        for position, (step, number, rate) in enumerate(rates_of_file(path)):
            rows.append({"file": path.stem, "position": position, "step": step, "pass": number, "rate": rate})
    return pa.Table.from_pylist(rows, _RATES)


def _sentences(folder: Place) -> pa.Table:
    """Return the sentences of distilled text by their nearest words, each with its label in words."""
    from orchestrator.distilled_table import read_distilled
    from orchestrator.sentences import read_lines

    rows = [
        {"file": path.stem, "step": line.step, "index": line.index, "label": line.label, "sentence": line.sentence}
        for path in part_paths(folder, "distilled")
        for line in read_lines(read_distilled(path))
    ]
    return pa.Table.from_pylist(rows, _SENTENCES)


def _importance(folder: Place) -> pa.Table:
    from orchestrator.importance import importance
    from orchestrator.opening import RunError, open_run

    try:
        run = open_run(folder)
    except RunError:
        return _IMPORTANCE.empty_table()
    found = importance(run.sweep, run.table("trials").to_pylist())
    return pa.Table.from_pylist([{"key": key, "importance": share} for key, share in found.items()], _IMPORTANCE)


def _keys(values: Mapping[str, Any]) -> pa.Table:
    shown = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return pa.Table.from_pylist([{"key": key, "value": value} for key, value in shown.items()], _KEYS)


def _dotted(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = _dotted(value, f"{before}{key}.") if isinstance(value, Mapping) and value else {f"{before}{key}": value}
        found |= inner
    return found


SMALL_TABLES: Mapping[str, Callable[[Place], pa.Table]] = {
    "sweep": _sweep,
    "environment": _environment,
    "events": _events,
    "rates": _rates,
    "sentences": _sentences,
    "importance": _importance,
}
"""What makes each of them from a run's folder; empty where there is nothing."""
