import io

from rich.console import Console

from distiller.training import Training
from orchestrator.extra_figures import Extra, Measured, render
from orchestrator.ways import OWN_WAY, Way

ADAM = Way(Training(optimiser="adam", lr=1e-3))


def measured(network="lenet", way=OWN_WAY, accuracies=(0.8, 0.9), wanted=2):
    return Measured(network, "random", **way.columns(), accuracies=list(accuracies), wanted=wanted)


def rendered(*parts):
    console = Console(file=io.StringIO(), width=100, _environ={})
    render(Extra("a-run", "digits", "lenet", parts), console)
    return console.file.getvalue()


def test_one_figure_is_a_line():
    assert rendered(measured()) == (
        "85.00 ± 7.07 % on the test split of digits: 2 random initialisations of lenet, trained on a-run\n"
    )
    assert rendered(measured(way=ADAM, wanted=5)).endswith(
        "2 of 5 random initialisations of lenet, trained on a-run: adam 0.001\n"
    )


def test_several_are_a_table_of_ways_against_networks():
    parts = [
        measured(), measured("convnet3", accuracies=(0.5, 0.5)), measured(way=ADAM, accuracies=(0.1,), wanted=3),
        measured("convnet3", ADAM, ()),
    ]  # fmt: skip
    lines = [line.split("  ") for line in rendered(*parts).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert "distilled for lenet" in cells[0][0]
    assert cells[1] == ["way", "lenet", "convnet3"]
    assert cells[3] == ["the set's own way", "85.00 ± 7.07 (2)", "50.00 ± 0.00 (2)"]
    assert cells[4] == ["adam 0.001", "10.00 ± - (1 of 3)", "-"]


def test_counts_are_of_all_networks():
    extra = Extra("a-run", "digits", "lenet", (measured(), measured(accuracies=(0.5,), wanted=4)))
    assert (extra.count, extra.wanted, extra.is_whole) == (3, 6, False)
    plain = extra.plain()["measured"][1]
    assert (plain["mean"], plain["sd"], plain["inits"], plain["way"]) == (0.5, None, 1, "the set's own way")
