"""Which errors are the user's to mend, and the exit status of each; all of them say in one line what is wrong and the cure."""

from __future__ import annotations

__all__ = ["status_of_error"]

_BAD_INPUT = {
    "AttachError", "CheckError", "DataError", "DistilledError", "InfeasibleError", "LeaseHeld", "MirrorError",
    "NetworkError", "OSError", "PlaceError", "QueryError", "RecipeError", "RecordsError", "RunError", "SweepError",
}  # fmt: skip
_FAILED = {"SweepFailed"}
_STOPPED = {"ClusterLost", "EnvironmentBroken", "LeaseLost", "NoRoom", "RunStopped"}


def status_of_error(error: BaseException) -> int | None:
    """Return the exit status of a known error, by the name of its class or of one that it is derived from; else `None`.

    An `OSError` is of a file that cannot be read: a driver at work makes a stop of its own out of one. By name, since importing
    every module that defines one would cost each command seconds.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    for status, known in ((2, _BAD_INPUT), (1, _FAILED), (75, _STOPPED)):
        if names & known:
            return status
    return None
