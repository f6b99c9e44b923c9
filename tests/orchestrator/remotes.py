"""Places that are no folder of this machine: in this process's memory, and below another one's root."""

import datetime

from pyarrow import fs

from orchestrator.remote import Remote


def in_memory(path="bucket/run"):
    """Return a place that exists in this process alone; every file there has the time of its making."""
    return Remote(fs._MockFileSystem(current_time=datetime.datetime.now(datetime.UTC)), path)


def below(folder, path="bucket/run"):
    """Return a place in a file system whose root is ``folder``."""
    return Remote(fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem()), path)
