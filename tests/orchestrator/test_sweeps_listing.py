import io
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator import sweeps_listing
from orchestrator.sweeps_listing import render_sweeps, sweeps_plain
from sweeps import Cost, Published, Shipped


def sweep(name, table="", data=("digits",), cost=None, **published):
    figure = Published(accuracy="96.1", source="x", table=table, row=f"row of {name}", **published) if table else None
    return Shipped(name, f"about {name}: much more", Path(f"{name}.yaml"), figure, cost, data)


ALL = [
    sweep("b-10", "DD, Table 2", ("mnist",), Cost(core_minutes=12.4, memory=900, measured="run")),
    sweep("b-10-published", "DD, Table 2", ("mnist",), Cost(core_minutes=700, memory=900)),
    sweep("b-10-search", "DD, Table 2"),
    sweep("a-published", "DD, Table 2", ("data/k49.npz",), checked=False),
    sweep("a-10", "SLDD, Table 2", cost=Cost(core_minutes=7200, memory=1500)),
    sweep("quick"),
]


@pytest.fixture(autouse=True)
def few(monkeypatch, tmp_path):
    monkeypatch.setattr(sweeps_listing, "shipped", lambda: ALL)
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path))


def shown(width, is_terminal=True):
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None, _environ={})
    render_sweeps(console)
    return console.file.getvalue()


def test_sweeps_stand_by_table_and_variants_under_their_name():
    listed = sweeps_plain()
    assert [each["name"] for each in listed] == ["quick", "a-published", "b-10", "a-10"]
    assert [variant["name"] for variant in listed[2]["variants"]] == ["b-10-search", "b-10-published"]
    # A recipe that is only published is a sweep of its own.
    assert listed[1]["variants"] == []
    titles = [
        line for line in shown(200).splitlines() if line in ("With no published figure", "DD, Table 2", "SLDD, Table 2")
    ]
    assert titles == ["With no published figure", "DD, Table 2", "SLDD, Table 2"]


def test_numbers_in_rows_are_in_order(monkeypatch):
    rows = [sweep(f"s{count}", "T") for count in (100, 5, 10, 1)]
    monkeypatch.setattr(sweeps_listing, "shipped", lambda: rows)
    assert [each["name"] for each in sweeps_plain()] == ["s1", "s5", "s10", "s100"]


def test_a_row_has_its_figure_its_cost_and_its_variants():
    lines = {line.split()[0]: " ".join(line.split()) for line in shown(200).splitlines() if line}
    assert lines["b-10"] == "b-10 row of b-10 96.1 12 min 900 MiB -search, -published; wants mnist"
    assert lines["a-10"] == "a-10 row of a-10 96.1 ~120 h 1,500 MiB"
    assert lines["a-published"] == "a-published row of a-published 96.1 ? - - wants data/k49.npz"
    assert lines["quick"] == "quick about quick - - -"


def test_a_sweep_of_baselines_says_how_many_figures_there_are(monkeypatch):
    about = {"source": "x", "table": "T", "baselines": {"random_real": "68.6 ± 9.8", "k_means": "76.4 ± 9.5"}}
    rows = [Shipped("b", "", Path("b.yaml"), Published(**about), None, ("digits",))]
    monkeypatch.setattr(sweeps_listing, "shipped", lambda: rows)
    assert "2 baselines" in shown(120)


def test_absent_data_are_named_with_the_command_that_fetches_them():
    assert "mnist is not here: stillhouse data mnist" in shown(200)
    assert "data/k49.npz is not here: its sweep file says where" in shown(200)
    assert "digits is not here" not in shown(200)
    data = sweeps_plain()[2]["data"]
    assert data == [{"name": "mnist", "present": False, "fetch": "stillhouse data mnist"}]


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_a_narrow_screen_cuts_no_name_and_no_figure(width):
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    for each in ALL:
        if not each.name.startswith("b-10-"):
            assert each.name in text
    assert "96.1 ?" in text


def test_a_pipe_gets_every_column_on_one_line():
    lines = shown(40, is_terminal=False).splitlines()
    assert any("b-10" in line and "900 MiB" in line and "wants mnist" in line for line in lines)
