"""Draw a `Snapshot`: as a panel for a terminal, or as one line for a log."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from orchestrator.figures import clock, count, mean_sd, number, percent, tally
from orchestrator.snapshot import Active, Leader, Snapshot

__all__ = ["dashboard", "log_line"]

_WIDEST = 110
_LINES_AROUND = 14  # all but the rows of active work, and one line for the cursor


def dashboard(snapshot: Snapshot, width: int, height: int) -> Panel:
    """Return a panel no wider than ``width`` columns and, but for very low terminals, no taller than ``height`` lines."""
    parts: list[RenderableType] = [_clocks(snapshot), _trials(snapshot), _facts(snapshot)]
    if snapshot.active:
        parts += [Text(), _active(snapshot.active, max(3, height - _LINES_AROUND))]
    title = Text(snapshot.name, style="bold", no_wrap=True, overflow="ellipsis")
    subtitle = Text(snapshot.folder, style="dim", no_wrap=True, overflow="ellipsis")
    return Panel(
        Group(*parts), title=title, subtitle=subtitle, title_align="left", subtitle_align="right",
        box=box.ROUNDED, border_style="dim", padding=(0, 1), width=min(width, _WIDEST),
    )  # fmt: skip


def log_line(snapshot: Snapshot) -> str:
    """Return the state of a sweep in one line without colour."""
    parts = [f"{snapshot.trials_finished:,} of {count(snapshot.trials_total, 'trial')}"]
    if snapshot.statuses:
        parts[0] += f" ({tally(snapshot.statuses)})"
    if snapshot.failures:
        parts.append(f"failed by cause: {tally(snapshot.failures)}")
    if snapshot.failed_attempts:
        parts.append(f"attempts failed: {tally(snapshot.failed_attempts)}")
    parts.append(f"{count(snapshot.networks, 'network')} trained")
    if snapshot.best is not None:
        parts.append(f"best {_best(snapshot.best)}")
    if snapshot.stage != "done":
        parts.append(f"{_busy(snapshot)} busy")
        parts.append(_left(snapshot.seconds_left))
    return f"[{clock(snapshot.seconds)}] {snapshot.name}, {snapshot.stage}: " + "; ".join(parts)


def _clocks(snapshot: Snapshot) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    elapsed = f"{clock(snapshot.seconds)} elapsed"
    timing = elapsed if snapshot.stage == "done" else f"{elapsed}, {_left(snapshot.seconds_left)}"
    grid.add_row(Text(snapshot.stage, style="bold cyan"), Text(timing))
    return grid


def _trials(snapshot: Snapshot) -> Table:
    finished, total = snapshot.trials_finished, snapshot.trials_total
    grid = _labelled()
    grid.add_column(no_wrap=True)
    grid.add_row("trials", ProgressBar(total=max(1, total), completed=finished), f"{finished:,} of {total:,}")
    return grid


def _facts(snapshot: Snapshot) -> Table:
    grid = _labelled()
    if snapshot.statuses:
        grid.add_row("", Text(tally(snapshot.statuses)))
    if snapshot.failures:
        grid.add_row("failed", Text(tally(snapshot.failures), style="red"))
    if snapshot.failed_attempts:
        grid.add_row("attempts", Text(f"failed: {tally(snapshot.failed_attempts)}", style="yellow"))
    best = "none finished yet" if snapshot.best is None else _best(snapshot.best)
    grid.add_row("best", Text(best, style="bold green" if snapshot.best else "dim"))
    grid.add_row("networks", f"{snapshot.networks:,} trained")
    grid.add_row("busy", _busy(snapshot))
    return grid


def _labelled() -> Table:
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    grid.add_column(width=8, style="dim", no_wrap=True)
    grid.add_column(ratio=1)
    return grid


def _active(active: tuple[Active, ...], most: int) -> Group:
    table = Table(
        box=box.SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim"
    )
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("run", justify="right", no_wrap=True)
    table.add_column("work", no_wrap=True)
    table.add_column("", ratio=1)
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("loss", justify="right", no_wrap=True)
    table.add_column("accuracy %", justify="right", no_wrap=True)
    for work in active[:most]:
        table.add_row(
            str(work.trial) if work.trial >= 0 else "-", str(work.run), Text(work.what),
            ProgressBar(total=max(1, work.total), completed=work.done), f"{work.done:,} of {work.total:,}",
            number(work.loss), percent(work.accuracy),
        )  # fmt: skip
    rest = len(active) - most
    return Group(table, *([Text(f"and {rest:,} more at work", style="dim")] if rest > 0 else []))


def _best(leader: Leader) -> str:
    over = count(leader.inits, "initialisation")
    return f"{mean_sd(leader.mean, leader.se)} % (standard error, {over}), trial {leader.trial}"


def _busy(snapshot: Snapshot) -> str:
    """Say how many slots are at work: in this process the one is free at each look, between two tasks."""
    busy = 1 if snapshot.slots == 1 and snapshot.active else snapshot.busy
    return f"{busy} of {count(snapshot.slots, 'slot')}"


def _left(seconds: float | None) -> str:
    return "time left not known yet" if seconds is None else f"about {clock(seconds)} left"
