"""Write a distilled set for other tools: pictures, arrays, tables, a data set for the Hugging Face Hub."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image

from distiller.pictures import can_be_drawn, leading_class, picture, pixels, sheet
from orchestrator.array_file import to_npz
from orchestrator.dataset_card import dataset_card
from orchestrator.hub_dataset import EXAMPLES, SCHEDULE, to_examples, to_schedule
from orchestrator.opening import RunError
from orchestrator.place import Place, place_of
from orchestrator.provenance import Provenance, find
from orchestrator.publish import make_folder, publish
from orchestrator.sentences import read_lines, sentences_of

__all__ = ["FORMATS", "export"]

File = tuple[str, bytes]
"""A path within the folder, and what goes there."""


def export(source: Place | str, to: Path | str, formats: Sequence[str] = (), trial: str | None = None) -> list[Path]:
    """Write the set of a run's trial, or of a file, into the folder ``to`` in each of the ``formats``; return the files' paths.

    Where no format is named, all that fit are written. Raises `RunError` for a format that does not exist or does not fit the
    set, and where a file is there already: nothing is written then.
    """
    for name in formats:
        if name not in FORMATS:
            raise RunError(f"--format {name}: there is no such format; there are {', '.join(FORMATS)}")
    found = find(place_of(source), trial)
    if "png" in formats and not can_be_drawn(found.distilled):
        shape = " x ".join(map(str, found.distilled.inputs.shape[2:]))
        raise RunError(
            f"--format png: inputs of shape {shape} are no pictures; npz, safetensors and dataset hold any inputs"
        )
    if "sentences" in formats and found.distilled.reading is None:
        raise RunError("--format sentences: the set holds no text; csv has its labels")
    unfit = {"png": not can_be_drawn(found.distilled), "sentences": found.distilled.reading is None}
    fitting = [name for name in FORMATS if not unfit.get(name, False)]
    files = [file for name in dict.fromkeys(formats or fitting) for file in FORMATS[name](found)]
    return _write(Path(to), files)


def _write(folder: Path, files: Sequence[File]) -> list[Path]:
    paths = [folder / name for name, _ in files]
    for path in paths:
        if path.exists():
            raise RunError(f"{path}: is there already; name another place with --to")
    try:
        for path, (_, payload) in zip(paths, files, strict=True):
            make_folder(path.parent)
            publish(path, payload, replace=False)
    except OSError as error:
        raise RunError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return paths


def _pictures(found: Provenance) -> Iterator[File]:
    """Yield a sheet of each step, and every example alone, pixel by pixel."""
    shown = pixels(found.distilled)
    for step, images in enumerate(shown):
        yield f"png/step-{step:03}.png", _png(sheet(found.distilled, step))
        labels = found.distilled.labels[step].tolist()
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield f"png/step-{step:03}/{index:03}-class-{leading_class(label)}.png", _png(picture(image))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def _safetensors(found: Provenance) -> Iterator[File]:
    yield "distilled.safetensors", found.distilled.to_bytes()


def _npz(found: Provenance) -> Iterator[File]:
    yield "distilled.npz", to_npz(found.distilled)


def _tables(found: Provenance) -> Iterator[File]:
    """Yield the labels, a row an example, and the schedule, a row a step of training, with all their digits."""
    distilled = found.distilled
    labels, steps = distilled.labels.detach().cpu().numpy(), distilled.inputs.shape[0]
    names = [f"label_{name}" for name in ([1] if labels.shape[2] == 1 else range(labels.shape[2]))]
    rows = [
        [step, index, leading_class(label.tolist()), *map(str, label)]
        for step, batch in enumerate(labels)
        for index, label in enumerate(batch)
    ]
    yield "labels.csv", _csv(["step", "index", "class", *names], rows)
    rates = distilled.rates.detach().cpu().numpy()
    yield (
        "schedule.csv",
        _csv(["pass", "step", "rate"], [[t // steps, t % steps, str(rate)] for t, rate in enumerate(rates)]),
    )


def _csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *rows])
    return text.getvalue().encode()


def _sentences(found: Provenance) -> Iterator[File]:
    """Yield what the sentences read as with their labels, as the papers print them, and as a table, a row an example."""
    distilled = found.distilled
    lines = [line for title, sentences in sentences_of(distilled) for line in (title, "", *sentences, "")]
    yield "sentences.txt", "\n".join(lines).encode()
    rows = [[line.step, line.index, line.label, line.sentence] for line in read_lines(distilled)]
    yield "sentences.csv", _csv(["step", "index", "label", "sentence"], rows)


def _dataset(found: Provenance) -> Iterator[File]:
    yield f"dataset/{EXAMPLES}", to_examples(found.distilled)
    yield f"dataset/{SCHEDULE}", to_schedule(found.distilled)
    yield "dataset/README.md", dataset_card(found).encode()


FORMATS: dict[str, Callable[[Provenance], Iterator[File]]] = {
    "png": _pictures,
    "safetensors": _safetensors,
    "npz": _npz,
    "csv": _tables,
    "sentences": _sentences,
    "dataset": _dataset,
}
"""What writes each format."""
