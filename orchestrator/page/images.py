"""The distilled set of the winner: its images step by step, its labels as a heat map, its learned rates."""

from __future__ import annotations

import base64
import io

from markupsafe import Markup

from distiller.distilled import Distilled, DistilledError
from distiller.pictures import can_be_drawn, columns_of, leading_labels, picture, pixels, step_title
from orchestrator.figures import count
from orchestrator.opening import load
from orchestrator.page.axis import axis_over
from orchestrator.page.blocks import Block, Gallery, Picture, Plotted, Section, Sheet, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot, cell_paths
from orchestrator.sentences import read_lines, shortened

__all__ = ["distilled_set"]

_MOST_IMAGES = 400
_MOST_SENTENCES = 100
_MOST_CELLS = 40_000
_LABELS = "What are the learned labels?"
_SENTENCES = "What do the learned sentences say?"
_RATES = "What are the learned rates?"


def distilled_set(found: Findings) -> Section | None:
    """Return the section, `None` where no set can be read."""
    if found.headline is None or not found.headline.distilled:
        return None
    path = found.headline.distilled[0]
    try:
        distilled = load(found.folder / path)
    except (DistilledError, OSError, RuntimeError) as error:
        return Section("distilled", "The distilled set", [f"It cannot be shown: {error}"])
    blocks: list[Block] = _sentences(found, distilled)
    blocks += [_gallery(found, distilled)] if can_be_drawn(distilled) else []
    blocks += [_label_matrix(found, distilled)]
    blocks += [_rates(found, distilled)] if len(distilled.rates) else []
    return Section("distilled", "The distilled set", _about(found, distilled, path), blocks)


def _about(found: Findings, distilled: Distilled, path: str) -> list[str]:
    steps, per_step, *shape = distilled.inputs.shape
    line = (
        f"{count(len(distilled), 'example')} of {distilled.data}, {' × '.join(map(str, shape))}, in {count(steps, 'step')} of "
        f"{per_step}, used in this order {_times(distilled.epochs)}, for {distilled.network}."
    )
    assert found.headline is not None
    others = len(found.headline.distilled) - 1
    more = f" The first of {others + 1} that the result is the mean of." if others else ""
    return [line + more, f"File: {path}"]


def _times(passes: int) -> str:
    return "once" if passes == 1 else f"{passes:,} times over"


def _sentences(found: Findings, distilled: Distilled) -> list[Block]:
    """Return the sentences by their nearest words, each with its label; none of a set that is no text."""
    lines = list(read_lines(distilled))
    rows = [(str(line.step), line.label, shortened(line.sentence)) for line in lines[:_MOST_SENTENCES]]
    left = len(lines) - len(rows)
    more = f" And {left} more: stillhouse export --format sentences writes all." if left else ""
    note = f"By the nearest word of every vector.{more}"
    return [Table(("step", "label", "sentence"), rows, found.source(_SENTENCES), words=3, note=note)] if rows else []


def _gallery(found: Findings, distilled: Distilled) -> Gallery:
    steps, per_step = distilled.inputs.shape[:2]
    shown = max(1, min(steps, _MOST_IMAGES // per_step))
    images = pixels(distilled)
    sheets = [
        Sheet(
            step_title(distilled, step),
            [_picture(images[step][index], step, index, distilled) for index in range(min(per_step, _MOST_IMAGES))],
            columns_of(per_step, distilled.classes),
        )
        for step in range(shown)
    ]
    left = len(distilled) - sum(len(sheet.pictures) for sheet in sheets)
    note = f"And {count(left, 'example')} more: stillhouse export {found.folder} --to DIR draws all." if left else ""
    cut = "Out of the normalised space; darker than black and brighter than white are cut. Below each: its largest labels."
    if distilled.text is not None:
        cut = (
            "Embeddings: a row a word, a column a number of its vector, grey for zero. Below each: its largest labels."
        )
    return Gallery(sheets, found.source(_LABELS), f"{cut} {note}".strip())


def _picture(image: object, step: int, index: int, distilled: Distilled) -> Picture:
    file = io.BytesIO()
    picture(image).save(file, "png", optimize=True)  # type: ignore[arg-type]
    labels = [f"{name}: {value:z.2f}" for name, value in leading_labels(distilled.labels[step, index].tolist())]
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return Picture(source, f"step {step}, example {index}; labels {', '.join(labels)}", labels)


def _label_matrix(found: Findings, distilled: Distilled) -> Plotted:
    """Draw labels as cells: a row an example in the order of training, a column a class; what is below 0 in another colour."""
    labels = distilled.labels.flatten(0, 1)[: max(1, _MOST_CELLS // distilled.labels.shape[-1])].tolist()
    largest = max((abs(value) for row in labels for value in row), default=0.0) or 1.0
    tall, wide = len(labels), len(labels[0])
    above = cell_paths([[value / largest for value in row] for row in labels], "above")
    below = cell_paths([[-value / largest for value in row] for row in labels], "below")
    about = f"labels of {tall} examples over {wide} classes, from {min(map(min, labels)):.2f} to {max(map(max, labels)):.2f}"
    head = Markup(
        '<svg class="matrix" viewBox="0 0 {} {}" preserveAspectRatio="none" style="--rows: {}" role="img" aria-label="{}">'
    )
    drawing = head.format(wide, tall, tall, about) + above + below + Markup("</svg>")
    left = len(distilled) - tall
    rest = f" And {count(left, 'example')} more." if left else ""
    caption = (
        f"Labels: a row an example, in the order of training; a column a class, {_classes(wide)}. The fullest colour is "
        f"{largest:.2f} in size.{rest}"
    )
    return Plotted(drawing, caption, found.source(_LABELS), (("above", "above 0"), ("below", "below 0")))


def _classes(outputs: int) -> str:
    return f"0 to {outputs - 1} from the left" if outputs > 1 else "the one output that two classes have"


def _rates(found: Findings, distilled: Distilled) -> Plotted:
    rates, steps = distilled.rates.tolist(), distilled.inputs.shape[0]
    x = axis_over("step of training", range(len(rates)), whole=True)
    y = axis_over("learned rate", rates, log=max(rates) > 20 * min(rates), zero=True)
    plot = Plot(x, y, f"learned rates of {len(rates)} steps, from {min(rates):.3g} to {max(rates):.3g}")
    for first in range(0, len(rates), steps):
        plot.line(list(enumerate(rates))[first : first + steps], "faint")
    for t, rate in enumerate(rates):
        plot.dot(t, rate, f"step {t % steps}, pass {t // steps}: {rate:.4g}")
    caption = f"Learned rates, {min(rates):.3g} to {max(rates):.3g}; a line is a pass over the steps."
    return Plotted(plot.svg(), caption, found.source(_RATES))
