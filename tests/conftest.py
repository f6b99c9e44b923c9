import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def local_ray() -> Iterator[object]:
    """One private Ray of 2 CPUs for all tests that want one; its workers find the modules of tests/orchestrator."""
    from cluster.attach import attach

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_AUTH_MODE", raising=False)
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent / "orchestrator"), prepend=os.pathsep)
        with attach(cpus=2) as attached:
            yield attached


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> object:
    """One whole run of seconds; it is only read."""
    from tests.small_run import small_run

    return small_run(tmp_path_factory.mktemp("small"))
