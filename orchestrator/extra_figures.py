"""What fresh networks reach on a distilled set, in one way or several, and how it looks on a screen."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.figures import mean_sd
from orchestrator.ways import described

__all__ = ["Extra", "Measured", "render"]


@dataclass(frozen=True)
class Measured:
    """The accuracies (0 .. 1) of fresh networks of one kind, trained in one way; ``wanted`` of them were asked for.

    ``training`` (JSON) and ``init_scheme`` are the columns of their rows, `None` where they are the set's own; ``init`` is fixed
    for the very networks that the set was distilled for.
    """

    network: str
    init: str
    training: str | None
    init_scheme: str | None
    accuracies: list[float]
    wanted: int

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, with mean and sd, which are null for too few networks."""
        return asdict(self) | {"inits": len(self.accuracies), "mean": self.mean, "sd": self.sd, "way": self.way}

    @property
    def way(self) -> str:
        """How they were drawn and trained, in a few words."""
        return described(self.training, self.init_scheme)

    @property
    def is_whole(self) -> bool:
        """Whether every network that was asked for is measured."""
        return len(self.accuracies) == self.wanted

    @property
    def mean(self) -> float | None:
        """The mean accuracy; `None` for no network."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def sd(self) -> float | None:
        """The standard deviation over networks, with n - 1; `None` for one network."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


@dataclass(frozen=True)
class Extra:
    """What was measured on the test split of ``data``, by way and network; ``network`` is the one that the set was distilled for.

    ``signal`` says what stopped the work, where something did.
    """

    source: str
    data: str
    network: str
    measured: tuple[Measured, ...]
    signal: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        same = {name: getattr(self, name) for name in ("source", "data", "network", "signal")}
        return same | {"measured": [each.plain() for each in self.measured]}

    @property
    def count(self) -> int:
        """Networks that are measured."""
        return sum(len(each.accuracies) for each in self.measured)

    @property
    def wanted(self) -> int:
        """Networks that were asked for."""
        return sum(each.wanted for each in self.measured)

    @property
    def is_whole(self) -> bool:
        """Whether every network that was asked for is measured."""
        return self.count == self.wanted


def render(extra: Extra, console: Console) -> None:
    """Print one mean and its spread in a line, more of them as a table: a row a way, a column a network."""
    if len(extra.measured) == 1:
        console.print(Text(_line(extra, extra.measured[0])), soft_wrap=True)
        return
    about = f"Test split of {extra.data}, trained on {extra.source}, distilled for {extra.network}: mean ± sd in %, (networks)"
    console.print(Text(about), soft_wrap=True)
    console.print(_table(extra))


def _line(extra: Extra, only: Measured) -> str:
    amount = f"{len(only.accuracies)}{'' if only.is_whole else f' of {only.wanted}'} {only.init} initialisations"
    mean = "nothing" if only.mean is None else f"{100 * only.mean:.2f}"
    spread = f" ± {100 * only.sd:.2f}" if only.sd is not None else ""
    unit = "" if only.mean is None else " %"
    way = "" if only.training is only.init_scheme is None else f": {only.way}"
    return f"{mean}{spread}{unit} on the test split of {extra.data}: {amount} of {only.network}, trained on {extra.source}{way}"


def _table(extra: Extra) -> Table:
    networks = list(dict.fromkeys(each.network for each in extra.measured))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("way", overflow="fold")
    for network in networks:
        table.add_column(Text(network), justify="right", overflow="fold")
    by_way: dict[str, dict[str, Measured]] = {}
    for each in extra.measured:
        by_way.setdefault(each.way, {})[each.network] = each
    for way, found in by_way.items():
        table.add_row(Text(way), *(_cell(found.get(network)) for network in networks))
    return table


def _cell(measured: Measured | None) -> str:
    if measured is None or measured.mean is None:
        return "-"
    n = f"{len(measured.accuracies)}{'' if measured.is_whole else f' of {measured.wanted}'}"
    return f"{mean_sd(measured.mean, measured.sd)} ({n})"
