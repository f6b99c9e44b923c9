import pytest

from orchestrator.complaints import status_of_error
from orchestrator.lease import LeaseLost
from orchestrator.query import QueryError
from orchestrator.runs import RunStopped
from orchestrator.schedule import ClusterLost, EnvironmentBroken, NoRoom
from orchestrator.tables import TableError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (QueryError("x"), 2),
        (TableError("x"), 2),
        (PermissionError(13, "Permission denied", "part-000000.parquet"), 2),
        (RunStopped("x"), 75),
        (LeaseLost("x"), 75),
        (ClusterLost("x"), 75),
        (EnvironmentBroken("x"), 75),
        (NoRoom("x"), 75),
        (ZeroDivisionError("x"), None),
        (ValueError("x"), None),
    ],
)
def test_statuses(error, status):
    assert status_of_error(error) == status
