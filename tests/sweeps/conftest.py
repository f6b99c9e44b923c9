import pytest

LEAST = """\
name: a
recipe:
  data: digits
  network: lenet
evaluate:
  validation: 10
  inits: 5
"""


@pytest.fixture
def least():
    """Return a sweep of seven lines that gives only what it must."""
    return LEAST


@pytest.fixture
def sweep_file(tmp_path, monkeypatch):
    """Return a function that writes a sweep as ``f.yaml`` in the working directory and returns that name."""
    monkeypatch.chdir(tmp_path)

    def write(content, name="f.yaml"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write
