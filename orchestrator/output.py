"""What the commands print: whole, for people or for programs, and without a word where nobody reads on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from orchestrator.exit_status import FAILED, UNREAD

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["open_console", "print_line", "print_whole", "show"]


def open_console() -> Console:
    """Return the terminal; rich is imported only here."""
    from rich.console import Console

    return Console()


def show(as_json: bool, plain: Any, render: Callable[[Console], None]) -> None:
    """Print for programs or for people, whole."""
    if as_json:
        import json

        return print_whole(json.dumps(plain, indent=1, default=str, allow_nan=False) + "\n")
    console = open_console()
    with _writing():
        with console.capture() as captured:
            render(console)
        print_whole(captured.get())


def print_whole(text: str) -> None:
    """Print ``text`` as it is."""
    with _writing():
        click.echo(text, nl=False)
        sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    """Leave quietly where nobody reads what is written, and with a line where it cannot be written."""
    try:
        yield
    except OSError as error:
        # What is still buffered goes nowhere, or Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(UNREAD)
        click.echo(f"stillhouse: cannot write the output: {error.strerror}; make room, or send it elsewhere", err=True)
        sys.exit(FAILED)


def print_line(console: Console, line: str) -> None:
    """Print a line as it is, brackets and all."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
