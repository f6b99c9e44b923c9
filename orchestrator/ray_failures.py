"""Ray's errors as kinds of failure, told apart by their types wherever there is one: their texts may be empty, and change."""

from __future__ import annotations

from ray import exceptions as errors

from orchestrator.failures import Failure, Kind, failed, summary

__all__ = ["ray_failed"]

_KINDS: tuple[tuple[Kind, tuple[type[BaseException], ...]], ...] = (
    ("cancelled", (errors.TaskCancelledError,)),
    ("crash", (errors.WorkerCrashedError, errors.RayActorError)),
    ("memory", (errors.OutOfMemoryError, errors.ObjectStoreFullError)),
    ("node", (errors.NodeDiedError, errors.TaskUnschedulableError)),
    ("lost", (errors.ObjectLostError,)),
    ("environment", (errors.RuntimeEnvSetupError,)),
    (
        "cluster",
        (
            errors.LocalRayletDiedError,
            errors.RpcError,
            errors.RaySystemError,
            errors.AuthenticationError,
            errors.OutOfDiskError,
            ConnectionError,
        ),
    ),
)

_NOT_IMPORTED = "failed to import on the worker"
"""What Ray says, by no type of its own, where a worker does not find this very package."""


def ray_failed(error: BaseException) -> Failure:
    """Return the `Failure` of an exception that Ray raised for a task.

    What the task itself raised is wrapped in a `ray.exceptions.RayTaskError`, whose cause counts. An error of Ray's that is not
    in the table is a crash: the attempt is charged to the call, so that it cannot go on for ever.
    """
    if isinstance(error, errors.RayTaskError):
        cause = error.cause
        if isinstance(cause, RuntimeError) and _NOT_IMPORTED in str(cause):
            return Failure("environment", summary(cause))
        if not isinstance(cause, errors.RayError):
            return failed(cause if isinstance(cause, BaseException) else error)
        error = cause
    kinds: list[Kind] = [kind for kind, types in _KINDS if isinstance(error, types)]
    return Failure(kinds[0] if kinds else "crash", summary(error))
