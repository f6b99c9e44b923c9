"""Arguments and options of commands: those that several take, and the ways to train that `evaluate` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from orchestrator.place import place_of

__all__ = [
    "above_zero",
    "address",
    "as_json",
    "inline",
    "places",
    "run_folder",
    "training",
]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, and nothing else.")
address = click.option(
    "--address", metavar="ADDR", help="A Ray cluster; left out: RAY_ADDRESS, else a private Ray on this machine."
)
inline = click.option("--inline", is_flag=True, help="Run every task in this process, without Ray; for debugging.")
above_zero = click.FloatRange(min=0, min_open=True)


def places(_: click.Context, __: click.Parameter, given: Any) -> Any:
    """Return the place that a folder, a file or a URI names, or all of several."""
    return tuple(map(place_of, given)) if isinstance(given, tuple) else given and place_of(given)


run_folder = click.argument("folder", metavar="RUN", callback=places)


def training(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take the ways in which networks are trained on a set."""
    options = [
        click.option(
            "--optimiser", "optimisers", multiple=True, type=click.Choice(["learned", "sgd", "momentum", "adam", "ridge"]),
            help="Instead of the set's own; repeatable.",
        ),
        click.option("--lr", type=float, help="The optimiser's constant rate; left out, it is tuned on validation."),
        click.option("--order", type=click.Choice(["given", "shuffled"]), help="Of the set's own batches."),
        click.option("--batch", type=int, help="Examples of a step, drawn at random, instead of the set's own batches."),
        click.option("--steps", type=int, help="Steps of training, instead of as many as the set has rates."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
