"""A distilled set as pictures: each example in pixels, and one sheet a step as a paper prints it.

Sentences are drawn as the papers' figures show them, a row a word and a column a number of its vector, grey for zero. Distilled
inputs are free real numbers, and most sets leave the range of a picture: what is darker than black or brighter than
white is cut, as Wang et al. (arXiv 1811.10959) show theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from distiller.distilled import Distilled

__all__ = [
    "are_images",
    "can_be_drawn",
    "columns_of",
    "leading_class",
    "leading_labels",
    "picture",
    "pixels",
    "sheet",
    "step_title",
]

_CELL = 120  # an image on a sheet is at least this wide, in pixels
_GAP, _MARGIN = 14, 18
_TITLE, _CAPTION = 20, 15  # heights of letters, in pixels
_WIDEST_ROW = 10  # images
_MOST_RATES = 6


def are_images(distilled: Distilled) -> bool:
    """Say whether the inputs are pictures: one channel or three."""
    shape = distilled.inputs.shape[2:]
    return len(shape) == 3 and shape[0] in (1, 3)


def can_be_drawn(distilled: Distilled) -> bool:
    """Say whether `pixels` has pixels of the inputs: they are pictures, or sentences."""
    return are_images(distilled) or distilled.text is not None


def pixels(distilled: Distilled) -> NDArray[np.uint8]:
    """Return the inputs out of their normalised space: uint8 [S, M, H, W, C]. Raises `ValueError` where they cannot be drawn.

    Of sentences, one grey for the whole set: black and white are two deviations below and above zero.
    """
    if distilled.text is not None:
        sentences = distilled.inputs.detach().cpu().double().unsqueeze(-1).numpy()
        spread = 4 * float(np.std(sentences)) or 1.0
        drawn: NDArray[np.uint8] = np.rint((np.nan_to_num(sentences) / spread + 0.5).clip(0, 1) * 255).astype(np.uint8)
        return drawn
    if not are_images(distilled):
        raise ValueError(f"inputs of shape {list(distilled.inputs.shape[2:])} are no pictures")
    inputs = distilled.inputs.detach().cpu().double().movedim(2, -1).numpy()
    shown = np.nan_to_num(inputs * np.array(distilled.std) + np.array(distilled.mean))
    result: NDArray[np.uint8] = np.rint(shown.clip(0, 1) * 255).astype(np.uint8)
    return result


def picture(image: NDArray[np.uint8]) -> Image.Image:
    """Return pixels [H, W, C] as a picture of grey or of colour."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def leading_labels(label: Sequence[float], most: int = 3) -> list[tuple[int, float]]:
    """Return the classes of the largest entries of a label, with these; just one of a one-hot label.

    Two classes have one output, which is class 1's.
    """
    values = [float(value) for value in label]
    if len(values) == 1:
        return [(1, values[0])]
    ranked = sorted(enumerate(values), key=lambda entry: (-entry[1], entry[0]))
    return ranked[: 1 if _is_one_hot(values) else most]


def leading_class(label: Sequence[float]) -> int:
    """Return the class that a label stands for: that of its largest entry; of one output, 1 where it is above one half."""
    return int(label[0] > 0.5) if len(label) == 1 else leading_labels(label, 1)[0][0]


def step_title(distilled: Distilled, step: int) -> str:
    """Return which step this is, from 0 as in every table, and its rates, one for each pass over the steps."""
    rates = [f"{rate:#.3g}" for rate in distilled.rates[step :: distilled.inputs.shape[0]].tolist()]
    shown = rates if len(rates) <= _MOST_RATES else [*rates[: _MOST_RATES - 1], "...", rates[-1]]
    return f"Step {step}, rate{'s' if len(rates) > 1 else ''} {', '.join(shown)}" if rates else f"Step {step}"


def sheet(distilled: Distilled, step: int) -> Image.Image:
    """Return a picture of all examples of a step, from 0, each above its largest labels with their values; titled."""
    images = pixels(distilled)[step]
    captions = [_captions(label) for label in distilled.labels[step].tolist()]
    height, width = images.shape[1:3]
    scale = max(1, math.ceil(_CELL / width))
    columns = columns_of(len(images), distilled.classes)
    cell = (width * scale + _GAP, height * scale + 6 + max(map(len, captions)) * (_CAPTION + 3) + _GAP)
    title, font = step_title(distilled, step), ImageFont.load_default(_TITLE)
    across = max(columns * cell[0] - _GAP, math.ceil(font.getlength(title)))
    down = math.ceil(len(images) / columns) * cell[1] - _GAP
    drawn = Image.new("RGB", (across + 2 * _MARGIN, down + _TITLE + 10 + 2 * _MARGIN), "white")
    pen = ImageDraw.Draw(drawn)
    pen.text((_MARGIN, _MARGIN - 4), title, "black", font)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left = _MARGIN + index % columns * cell[0]
        top = _MARGIN + _TITLE + 10 + index // columns * cell[1]
        large = picture(image).resize((width * scale, height * scale), Image.Resampling.NEAREST)
        drawn.paste(large, (left, top))
        _write(pen, left + width * scale / 2, top + height * scale + 6, caption)
    return drawn


def _write(pen: ImageDraw.ImageDraw, middle: float, top: float, lines: Sequence[str]) -> None:
    font: Any = ImageFont.load_default(_CAPTION)
    for number, line in enumerate(lines):
        pen.text(
            (middle, top + number * (_CAPTION + 3)), line, "black" if number == 0 else "#666666", font, anchor="ma"
        )


def _captions(label: Sequence[float]) -> list[str]:
    if len(label) > 1 and _is_one_hot(label):
        return [str(leading_labels(label)[0][0])]
    return [f"{name}: {value:z.2f}" for name, value in leading_labels(label)]


def _is_one_hot(label: Sequence[float]) -> bool:
    return sorted(label) == [0.0] * (len(label) - 1) + [1.0]


def columns_of(examples: int, classes: int) -> int:
    """Return how many images a row has: one of each class where that fits a page, so that a column is a class."""
    return min(examples, classes if classes <= _WIDEST_ROW else _WIDEST_ROW)
