"""Open what a run left: its frozen sweep, its tables, its distilled sets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.place import Place, place_of
from orchestrator.storage import Storage
from sweeps import Sweep, SweepError

if TYPE_CHECKING:
    import pyarrow as pa

    from distiller.distilled import Distilled

__all__ = ["VERSION", "Run", "RunError", "is_run", "load", "open_run"]

VERSION = 1
"""Of ``sweep.json``."""


class RunError(RuntimeError):
    """A run that cannot be started, resumed or read, in one line."""


@dataclass(frozen=True)
class Run:
    """A run on disk. ``done``, ``unfinished`` (jobs given up) and ``signal`` say how the driver that returned it ended.

    ``finals`` holds how many trials each final chooses from, ``ended`` beside each the key of the time budget that ended its
    search before all its trials were asked, `None` where none did. ``digest`` is the hash of the sweep that was frozen: a resume
    has to come to the same.
    """

    folder: Place
    sweep: Sweep
    finals: tuple[int, ...]
    digest: str
    ended: tuple[str | None, ...] = (None,)
    done: bool = False
    unfinished: int = 0
    signal: int | None = None

    def table(self, name: str) -> pa.Table:
        """Return the committed rows of ``trials``, ``evaluations`` or ``curves``."""
        from orchestrator.records import read as read_table

        return read_table(self.folder, name)

    def query(self, sql: str) -> pa.Table:
        """Return what DuckDB answers to ``sql`` over the tables; see `orchestrator.query`."""
        from orchestrator.query import query

        return query(self.folder, sql)

    def __repr__(self) -> str:
        """Say which run it is; its sweep would fill a screen."""
        return f"<Run {self.folder}: {self.sweep.name}, {self.digest[:12]}>"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: its report, and the pictures of its best set."""
        from orchestrator.notebook import run_html

        return run_html(self)

    def distilled(self, trial: int | str = "best") -> Distilled:
        """Return the distilled set of a trial's run 0; of the best complete trial where none is named.

        Raises `RunError` where there is none.
        """
        from orchestrator.chosen import chosen_trial
        from orchestrator.ledger import Ledger

        ledger = Ledger(self.table("trials").to_pylist())
        number = chosen_trial(self.folder, ledger, trial)
        return Storage(self.folder).read_distilled(ledger.trials[number]["distilled"])


def open_run(folder: Place | str) -> Run:
    """Open a run for reading; raises `RunError` where ``folder`` holds none, or one that this version cannot read."""
    folder = place_of(folder)
    path = folder / "sweep.json"
    try:
        frozen = json.loads(path.read_bytes())
        if frozen["version"] != VERSION:
            raise RunError(f"{path}: of version {frozen['version']}; this stillhouse reads {VERSION}")
        finals = tuple(int(trials) for trials in frozen["finals"])
        ended = tuple(frozen.get("ended") or [None] * len(finals))
        return Run(folder, Sweep.thaw(frozen["sweep"]), finals, str(frozen["digest"]), ended)
    except (FileNotFoundError, NotADirectoryError):
        cure = f"`stillhouse run SWEEP --out {folder}` starts one"
        raise RunError(f"{folder}: holds no run (no sweep.json); {cure}") from None
    except (OSError, ValueError, KeyError, TypeError, SweepError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise RunError(f"{path}: damaged ({reason}); put it back from a copy, or run anew") from None


def is_run(folder: Place) -> bool:
    """Say whether ``folder`` holds a run."""
    return (folder / "sweep.json").is_file()


def load(source: Place | str, trial: int | str = "best") -> Distilled:
    """Return a distilled set, ready to train on.

    ``source`` is a run's folder, a file (safetensors, NPZ, or Parquet of a run), or the folder of an exported data set.
    """
    from orchestrator.array_file import read_npz
    from orchestrator.distilled_table import read_distilled
    from orchestrator.hub_dataset import is_hub_dataset, read_hub_dataset

    path = place_of(source)
    if not path.exists():
        raise RunError(f"{path}: there is no such run or file")
    if path.is_dir():
        return read_hub_dataset(path) if is_hub_dataset(path) else open_run(path).distilled(trial)
    readers = {".parquet": read_distilled, ".npz": read_npz}
    return readers.get(path.suffix, _read_safetensors)(path)


def _read_safetensors(path: Place) -> Distilled:
    from distiller.distilled import Distilled, DistilledError

    try:
        return Distilled.from_bytes(path.read_bytes())
    except DistilledError as error:
        raise DistilledError(f"{path}: {error}") from error
