import io

import pytest
from rich.console import Console

from orchestrator.listing import data_plain, render_data


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """What the list of data sets looks like where one is here and the others are not."""
    root = tmp_path / "a-rather-long-name-of-a-folder-with-data"
    (root / "usps").mkdir(parents=True)
    for name in ("usps.bz2", "usps.t.bz2"):
        (root / name).touch()
        (root / "usps" / name).touch()
    monkeypatch.setenv("STILLHOUSE_DATA", str(root))

    def show(width, is_terminal):
        console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None, _environ={})
        render_data(console)
        return console.file.getvalue(), str(root)

    return show


@pytest.mark.parametrize(("width", "is_terminal"), [(400, True), (80, False)])
def test_where_there_is_room_nothing_is_left_out(shown, width, is_terminal):
    text, root = shown(width, is_terminal)
    lines = text.splitlines()
    assert len(lines) == 1 + len(data_plain())
    assert all(each["about"] in text for each in data_plain())
    assert root in text
    assert "no: stillhouse data mnist" in text


@pytest.mark.parametrize("width", [30, 40, 60, 80])
def test_a_narrow_screen_cuts_neither_command_nor_path(shown, width):
    text, root = shown(width, True)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    folded = "".join(text.split())
    assert root in folded
    assert width < 80 or "no: stillhouse data fashion_mnist" in text
    assert all(each["name"] in text for each in data_plain())
