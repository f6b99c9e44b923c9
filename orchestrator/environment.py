"""What a run ran on: versions, hosts, devices, and the state of the code; for people who read the numbers later."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from sweeps.secret import without_passwords

__all__ = ["environment"]

_PACKAGES = (
    "stillhouse",
    "torch",
    "torchvision",
    "torchtext",
    "ray",
    "optuna",
    "cmaes",
    "pyarrow",
    "numpy",
    "scipy",
    "scikit-learn",
)


def environment(slots: int) -> dict[str, Any]:
    """Describe this driver's machine and software, as plain values."""
    return {
        "time": datetime.now(UTC).isoformat(),
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in _PACKAGES},
        "host": platform.node(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "slots": slots,
        "git": _git(),
        "command": [without_passwords(argument) for argument in sys.argv],
    }


def _version(package: str) -> str | None:
    """Return a package's version; `None` where it is not installed, or is there without metadata, as in a frozen program."""
    try:
        return importlib.metadata.version(package)
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None


def _git() -> dict[str, Any] | None:
    """Return the commit of the working folder and whether its files differ from it; `None` outside a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    commit = subprocess.run([git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode != 0:
        return None
    changed = subprocess.run([git, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return {"commit": commit.stdout.strip(), "changed": bool(changed.stdout.strip())}
