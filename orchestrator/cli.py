"""The command line, thin: read options, call what does the work, print, and end with a status that means something.

0 done, 1 done with failures, 2 bad input, 75 stopped and resumable, 130 interrupted, 141 where nobody reads on. Heavy imports
happen inside the commands that need them.
"""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from orchestrator import options
from orchestrator.driving import drive, explain
from orchestrator.exit_status import BAD_INPUT, DONE, FAILED, INTERRUPTED, STOPPED, stopped_by
from orchestrator.output import open_console, print_line, print_whole, show
from orchestrator.place import Place

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its status."""
    status = _status(None if arguments is None else list(arguments))
    # One more Ctrl-C while Python takes itself down would end it by the signal, and the status would be lost.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def _status(arguments: list[str] | None) -> int:
    try:
        return cli.main(args=arguments, prog_name="stillhouse", standalone_mode=False) or DONE
    except (click.exceptions.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except click.ClickException as error:
        click.echo(_usage(error), err=True)
        return BAD_INPUT
    except Exception as error:
        return explain(error)


def _usage(error: click.ClickException) -> str:
    """Return what was wrong with a command's words, and where they are explained, in one line; for no word at all, the help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    context = getattr(error, "ctx", None)
    where = "" if context is None else f"; see `{context.command_path} --help`"
    return f"stillhouse: {' '.join(error.format_message().split()).rstrip('.')}{where}"


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(package_name="stillhouse")
def cli() -> None:
    """Sweeps of dataset distillation on Ray: launch them, evaluate hundreds of fresh networks, read the Parquet they leave."""


@cli.command()
@click.argument("sweep")
@click.option(
    "--out",
    metavar="RUN",
    callback=options.places,
    help="The run's folder, or a URI such as s3://...; left out: runs/NAME.",
)
@click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override a key of the sweep, such as search.trials=4.",
)
@options.address
@options.inline
@options.as_json
def run(
    sweep: str, out: Place | None, overrides: Sequence[str], address: str | None, inline: bool, as_json: bool
) -> int:
    """Run SWEEP, a file or a shipped sweep's name."""
    from orchestrator import runs
    from sweeps import read

    read_sweep = read(sweep, overrides)
    folder = out or Path("runs") / read_sweep.name
    return drive(as_json, folder, lambda view: runs.run(read_sweep, folder, address=address, inline=inline, view=view))


@cli.command()
@options.run_folder
@click.option(
    "--trials", type=click.IntRange(min=1), help="A larger number of trials; a finished run gets one more final."
)
@click.option("--hours", type=options.above_zero, help="More time on the clock for the search, in all its drivers.")
@click.option("--device-hours", type=options.above_zero, help="More time of devices for the search.")
@click.option("--retry-failed", is_flag=True, help="Try trials that failed again.")
@click.option("--set", "overrides", metavar="resources.KEY=VALUE", multiple=True, help="Give tasks other resources.")
@options.address
@options.inline
@options.as_json
def resume(
    folder: Place,
    trials: int | None,
    hours: float | None,
    device_hours: float | None,
    retry_failed: bool,
    overrides: Sequence[str],
    address: str | None,
    inline: bool,
    as_json: bool,
) -> int:
    """Go on with RUN after a stop or a crash, or with a larger budget."""
    from orchestrator import runs

    budget = functools.partial(runs.resume, folder, trials=trials, hours=hours, device_hours=device_hours)
    more = functools.partial(budget, retry_failed=retry_failed, overrides=overrides, address=address, inline=inline)
    return drive(as_json, folder, lambda view: more(view=view))


@cli.command()
@click.argument("sweep")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a key of the sweep.")
@click.option("--no-probe", is_flag=True, help="Do not time a few steps; print counts alone.")
@options.as_json
def plan(sweep: str, overrides: Sequence[str], no_probe: bool, as_json: bool) -> int:
    """Say what SWEEP would do, need and cost."""
    from orchestrator.check import check
    from orchestrator.outlook import outlook, render
    from sweeps import read

    read_sweep = read(sweep, overrides)
    check(read_sweep, here=True)
    found = outlook(read_sweep, probe=not no_probe)
    show(as_json, found.plain(), lambda console: render(found, console))
    return DONE


@cli.command()
@options.as_json
def sweeps(as_json: bool) -> int:
    """List the shipped sweeps, and the published row that each reproduces."""
    from orchestrator.sweeps_listing import render_sweeps, sweeps_plain

    show(as_json, sweeps_plain(), render_sweeps)
    return DONE


@cli.command()
@options.run_folder
@options.as_json
def status(folder: Place, as_json: bool) -> int:
    """Say where RUN stands, from its files alone."""
    from orchestrator.status import render_status, status_of

    found = status_of(folder)
    show(as_json, found.plain(), lambda console: render_status(found, console))
    return DONE


@cli.command()
@options.run_folder
@options.as_json
def watch(folder: Place, as_json: bool) -> int:
    """Follow RUN from any terminal, over its files alone, until its driver is gone."""
    from orchestrator.progress import open_view
    from orchestrator.status import render_status
    from orchestrator.watch import watch as follow

    view = open_view(open_console(), quiet=as_json)
    try:
        found = follow(folder, view)
    finally:
        view.close()
    show(as_json, found.plain(), lambda console: render_status(found, console))
    return DONE if found.standing == "done" else STOPPED


@cli.command()
@options.run_folder
@options.as_json
def stop(folder: Place, as_json: bool) -> int:
    """Ask RUN's driver to stop cleanly, wherever it works, and wait until it has."""
    from orchestrator.stopping import ask_to_stop

    driver = ask_to_stop(folder)
    plain = {"version": 1, "stopped": driver and {"host": driver.host, "pid": driver.pid}}
    gone = driver and f"process {driver.pid} on {driver.host} has stopped; go on with: stillhouse resume {folder}"
    show(as_json, plain, lambda console: print_line(console, gone or f"no driver is at work on {folder}"))
    return DONE


@cli.command()
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, callback=options.places)
@click.option(
    "--html", metavar="FILE", type=click.Path(path_type=Path), help="Write the page there, not to RUN/report.html."
)
@click.option("--no-html", is_flag=True, help="Write no page.")
@options.as_json
def report(folders: tuple[Place, ...], html: Path | None, no_html: bool, as_json: bool) -> int:
    """Show the results of RUN as tables, and write them with pictures and plots to one HTML file, RUN/report.html.

    Of several runs: their accuracy against the number of distilled examples, and a page of it with --html. With --json a page is
    written only where --html names one.
    """
    from orchestrator.reporting import report_curve, report_run

    if html is not None and no_html:
        raise click.UsageError("--html and --no-html exclude each other; name one")
    if len(folders) > 1:
        return report_curve(folders, html, as_json)
    return report_run(folders[0], html, wanted=not no_html and not as_json, as_json=as_json)


@cli.command()
@click.argument("folders", metavar="RUN RUN...", nargs=-1, required=True, callback=options.places)
@options.as_json
def compare(folders: tuple[Place, ...], as_json: bool) -> int:
    """Hold runs against the first of them: what differs in their sweeps, and what that did, paired by initialisation."""
    from orchestrator.compare import compare as hold
    from orchestrator.comparison_table import render_comparison

    found = hold(folders)
    show(as_json, found.plain(), lambda console: render_comparison(found, console))
    return DONE


@cli.command()
@options.run_folder
@click.argument("sql")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with a header and nothing cut.")
@click.option(
    "--to", metavar="FILE", type=click.Path(path_type=Path), help="Write a new .parquet, .csv or .json file instead."
)
@options.as_json
def query(folder: Place, sql: str, as_csv: bool, to: Path | None, as_json: bool) -> int:
    """Ask SQL, by DuckDB, of RUN's tables: trials, evaluations, curves, distilled; results and best, joined from these."""
    from orchestrator.answer import answer_csv, answer_plain, render_answer
    from orchestrator.answer_file import check_answer_file, write_answer
    from orchestrator.figures import count
    from orchestrator.query import query as ask

    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other; name one")
    if to is not None:
        check_answer_file(to)
    table = ask(folder, sql)
    if to is not None:
        write_answer(table, to)
        plain = {"to": str(to), "rows": table.num_rows}
        show(as_json, plain, lambda console: print_line(console, f"{count(table.num_rows, 'row')} written to {to}"))
    elif as_csv:
        print_whole(answer_csv(table))
    else:
        show(as_json, answer_plain(table) if as_json else None, lambda console: render_answer(table, console))
    return DONE


@cli.command()
@click.argument("source", metavar="RUN|FILE", callback=options.places)
@click.option("--trial", metavar="TRIAL", help="Of a run: a trial's number, or best, as where it is left out.")
@click.option(
    "--inits", type=click.IntRange(min=1), default=200, show_default=True, help="Networks to train of each kind."
)
@click.option(
    "--network", "networks", metavar="NAME", multiple=True, help="Another network than the recipe's; repeatable."
)
@click.option(
    "--init-scheme", "schemes", metavar="SCHEME", multiple=True, help="Fresh networks of a scheme; repeatable."
)
@options.training
@options.address
@options.inline
@options.as_json
def evaluate(
    source: Place,
    trial: str | None,
    inits: int,
    networks: Sequence[str],
    schemes: Sequence[str],
    optimisers: Sequence[str],
    address: str | None,
    inline: bool,
    as_json: bool,
    **training: Any,
) -> int:
    """Train fresh networks on a distilled set and measure them on the test split: on other networks, in other ways too."""
    from orchestrator.extra import Asked
    from orchestrator.extra import evaluate as measure
    from orchestrator.extra_figures import render

    def say(line: str) -> None:
        if not as_json:
            click.echo(line, err=True)

    same = {name: value for name, value in training.items() if value is not None}
    trainings = [{"optimiser": optimiser, **same} for optimiser in optimisers] or [same]
    asked = Asked(inits, networks, schemes, trainings)
    found = measure(source, asked, trial=trial, address=address, inline=inline, say=say)
    show(as_json, found.plain(), lambda console: render(found, console))
    if found.is_whole:
        return DONE
    again = "what is measured stays; the same command goes on"
    click.echo(f"{found.count} of {found.wanted} networks are measured; {again}", err=True)
    return FAILED if found.signal is None else stopped_by(found.signal)


@cli.command()
@options.run_folder
@click.option("--rows", type=click.IntRange(min=1), default=20, show_default=True, help="Evaluations to compute anew.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Which rows: another draws others."
)
@click.option("--distil", metavar="TRIAL", help="Distil this trial anew as well: a number, or best.")
@options.address
@options.inline
@options.as_json
def verify(
    folder: Place, rows: int, seed: int, distil: str | None, address: str | None, inline: bool, as_json: bool
) -> int:
    """Compute rows of RUN anew from their keys and compare; 1 where a figure differs."""
    from orchestrator.verify import verify as compare

    def say(line: str) -> None:
        if not as_json:
            click.echo(line, err=True)

    found = compare(folder, rows=rows, seed=seed, distil=distil, address=address, inline=inline, say=say)
    show(as_json, found.plain(), lambda console: print_line(console, "\n".join(found.lines())))
    return DONE if found.holds else FAILED


@cli.command()
@click.argument("source", metavar="RUN|FILE", callback=options.places)
@click.option("--to", required=True, metavar="DIR", type=click.Path(path_type=Path), help="The folder to write to.")
@click.option(
    "--format",
    "formats",
    metavar="NAME",
    multiple=True,
    help="png, safetensors, npz, csv or dataset; several, or all that fit where it is left out.",
)
@click.option("--trial", metavar="TRIAL", help="Of a run: a trial's number, or best, as where it is left out.")
@options.as_json
def export(source: Place, to: Path, formats: Sequence[str], trial: str | None, as_json: bool) -> int:
    """Write a distilled set for other tools, over nothing that is there."""
    from orchestrator.export import export as write
    from orchestrator.figures import count

    files = write(source, to, formats, trial)
    plain = {"to": str(to), "files": [str(path) for path in files]}
    show(as_json, plain, lambda console: print_line(console, f"{count(len(files), 'file')} written to {to}"))
    return DONE


@cli.command()
@options.run_folder
@click.option("--to", required=True, metavar="KIND:PLACE", help="Such as optuna:sqlite:///study.db.")
@click.option("--follow", is_flag=True, help="Go on for as long as a driver is at work on RUN.")
@options.as_json
def mirror(folder: Place, to: str, follow: bool, as_json: bool) -> int:
    """Copy RUN into another tool, from its files; again, what has come since."""
    from orchestrator.figures import count
    from orchestrator.mirroring import mirror as copy

    changed = copy(folder, to, follow=follow, say=lambda line: None if as_json else click.echo(line, err=True))
    told = f"{count(changed, 'trial')} new or changed in {to}"
    show(as_json, {"to": to, "changed": changed}, lambda console: print_line(console, told))
    return DONE


@cli.command()
@click.argument("name", metavar="[NAME|PATH]", required=False)
@options.as_json
def data(name: str | None, as_json: bool) -> int:
    """List the data sets and which are here, fetch the one that is named, or say what a path of your own holds."""
    from distiller.own_path import own_path
    from distiller.text import is_glove
    from orchestrator.listing import data_plain, own_data_plain, render_data, render_own_data

    if name is not None and own_path(name) is not None and not is_glove(name):
        found = own_data_plain(name)
        show(as_json, found, lambda console: render_own_data(found, console))
        return DONE
    if name is not None:
        from distiller.data import fetch, read_once

        where = fetch(name)
        read_once(name)  # files that are here may be damaged: it says so, and the cure
        show(as_json, {"name": name, "where": str(where)}, lambda console: print_line(console, f"{name} is in {where}"))
        return DONE
    show(as_json, data_plain(), render_data)
    return DONE


if __name__ == "__main__":
    main()
