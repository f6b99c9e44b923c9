"""Where a run's files other than its tables lie: the frozen sweep, distilled sets, trained networks, states of distillations."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from safetensors import SafetensorError

from distiller.distill import State
from distiller.distilled import Distilled, DistilledError
from distiller.network_files import NetworkFileError, read_network
from orchestrator.distilled_table import read_distilled, write_distilled
from orchestrator.place import Place
from orchestrator.plan import Job
from orchestrator.publish import clear_temporaries, make_folder, publish, settle

__all__ = ["Storage", "write_json"]


class Storage:
    """The folder of one run."""

    def __init__(self, folder: Place) -> None:
        self.folder = folder
        self._settled = True

    def write_distilled(self, distilled: Distilled) -> str:
        """Publish a distilled set, but for `settle`; return its digest, which is its name."""
        digest = write_distilled(self.folder / "distilled", distilled, settled=False)
        self._settled = False
        return digest

    def settle(self) -> None:
        """Make the names of all distilled sets durable, before rows that speak of them are: once for many."""
        if not self._settled:
            settle(self.folder / "distilled")
            self._settled = True

    def read_distilled(self, digest: str) -> Distilled:
        """Return the distilled set of that digest."""
        return read_distilled(self._distilled(digest))

    def find_distilled(self, digest: str) -> Distilled | None:
        """Return the distilled set of that digest; a damaged file is removed, and the set can be made again."""
        try:
            return self.read_distilled(digest)
        except FileNotFoundError:
            return None
        except DistilledError:
            self._distilled(digest).unlink()
            return None

    def write_network(self, name: str, payload: bytes) -> None:
        """Publish the file of a trained network."""
        make_folder(self.folder / "networks")
        publish(self._network(name), payload)

    def read_network(self, name: str) -> bytes:
        """Return the file of the trained network of that name."""
        return self._network(name).read_bytes()

    def has_network(self, name: str) -> bool:
        """Say whether the trained network of that name is there, whole; a damaged file is as good as none."""
        try:
            read_network(self.read_network(name), name)
        except (FileNotFoundError, NetworkFileError):
            return False
        return True

    def write_state(self, job: Job, state: bytes) -> None:
        """Publish the newest state of a distillation."""
        make_folder(self.folder / "states")
        # Where the name is lost with the power, the state before it is there still.
        publish(self._state(job), state, settled=False)

    def read_state(self, job: Job) -> bytes | None:
        """Return the newest state of a distillation, if there is one; a damaged one is removed, since it can be made again."""
        path = self._state(job)
        try:
            payload = path.read_bytes()
            State.from_bytes(payload)
        except FileNotFoundError:
            return None
        except (SafetensorError, KeyError, TypeError, ValueError):
            path.unlink()
            return None
        return payload

    def clear(self) -> None:
        """Remove what a driver that died left half-written; call it under the run's lease."""
        for folder in ("", "states", "distilled", "networks"):
            clear_temporaries(self.folder / folder)

    def drop_states(self, trial: int) -> None:
        """Remove what a driver that died left of a search trial whose row it had committed."""
        for path in (self.folder / "states").glob(f"{trial:06}-0-*"):
            path.unlink(missing_ok=True)

    def trials_with_states(self) -> set[int]:
        """Return the search's trials that have a state."""
        names = (path.name.split("-") for path in (self.folder / "states").glob("*.safetensors"))
        return {int(trial) for trial, run, *_ in names if trial.isdigit() and run == "0"}

    def drop_state(self, job: Job) -> None:
        """Remove the state of a distillation that is done."""
        self._state(job).unlink(missing_ok=True)

    def drop_all_states(self, but: Collection[int] = ()) -> None:
        """Remove what a driver that died left of states, ``but`` those of some trials; call it where all is done."""
        kept = {f"{trial:06}" for trial in but}
        for path in (self.folder / "states").glob("*.safetensors"):
            if path.name.split("-")[0] not in kept:
                path.unlink(missing_ok=True)

    def _distilled(self, digest: str) -> Place:
        return self.folder / "distilled" / f"{digest}.parquet"

    def _network(self, name: str) -> Place:
        return self.folder / "networks" / f"{name}.safetensors"

    def _state(self, job: Job) -> Place:
        # The recipe's digest keeps a state from being taken for that of another recipe of the same number.
        return self.folder / "states" / f"{job.trial:06}-{job.run}-{job.recipe.digest()[:16]}.safetensors"


def write_json(path: Place, value: Any) -> None:
    """Publish ``value`` as one JSON file, whole or not at all."""
    publish(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())
