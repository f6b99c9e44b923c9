"""Distilled sentences in words, with what their labels say: as the papers' tables print them, on screen and in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from distiller.distilled import Distilled, DistilledError
from distiller.pictures import step_title
from distiller.reading import label_line
from orchestrator.opening import load
from orchestrator.place import Place
from orchestrator.summary import Summary

__all__ = ["Line", "headline_set", "read_lines", "render_sentences", "sentences_of", "shortened", "shown_lines"]

_MOST_SENTENCES = 20
_MOST_WORDS = 40
"""What a screen and a page show of a set; `stillhouse export --format sentences` writes all of it."""


@dataclass(frozen=True)
class Line:
    """One distilled sentence: its nearest words, and its label in words."""

    step: int
    index: int
    label: str
    sentence: str


def read_lines(distilled: Distilled) -> Iterator[Line]:
    """Yield the sentences in their order; none of a set that is no text."""
    if distilled.reading is None:
        return
    for step, (batch, labels) in enumerate(zip(distilled.reading.sentences, distilled.labels.tolist(), strict=True)):
        for index, (sentence, label) in enumerate(zip(batch, labels, strict=True)):
            yield Line(step, index, label_line(label, distilled.reading.classes), sentence)


def sentences_of(distilled: Distilled) -> Iterator[tuple[str, list[str]]]:
    """Yield the title of each step, with its rates, and its sentences, each under its label."""
    lines = list(read_lines(distilled))
    for step in range(distilled.inputs.shape[0]):
        yield step_title(distilled, step), [f"{line.label}\n    {line.sentence}" for line in lines if line.step == step]


def shown_lines(distilled: Distilled) -> list[str]:
    """Return the first sentences, none too long for a screen, each after its label."""
    lines = list(read_lines(distilled))
    shown = [f"{line.label}: {shortened(line.sentence)}" for line in lines[:_MOST_SENTENCES]]
    left = len(lines) - len(shown)
    return [*shown, f"And {left} more: stillhouse export --format sentences writes all."] if left > 0 else shown


def headline_set(folder: Place, found: Summary) -> Distilled | None:
    """Return the set of sentences that a run's headline is about; `None` where there is none, no text, or a damaged file."""
    if found.headline is None or not found.headline.distilled:
        return None
    try:
        distilled = load(folder / found.headline.distilled[0])
    except (DistilledError, OSError, RuntimeError):
        return None
    return distilled if distilled.reading is not None else None


def render_sentences(distilled: Distilled, console: Console) -> None:
    """Print the first sentences of a set by their nearest words."""
    console.print()
    console.print(Text("The distilled sentences, by the nearest word of every vector", style="bold"))
    for line in shown_lines(distilled):
        console.print(Text(line))


def shortened(sentence: str) -> str:
    """Return a sentence that is not too long for a screen or a page."""
    words = sentence.split(" ")
    return sentence if len(words) <= _MOST_WORDS else " ".join([*words[:_MOST_WORDS], "..."])
