"""A distilled set for whoever looks at it: what it is in a line, and as HTML for a notebook with its pictures, step by step."""

from __future__ import annotations

import base64
import html
import io

from distiller.distilled import Distilled
from distiller.pictures import are_images, sheet

__all__ = ["described", "distilled_html"]

_MOST_STEPS = 5


def described(distilled: Distilled) -> str:
    """Return in a line what the set is: how many examples, of what, and how they are used."""
    steps, per_step, *shape = distilled.inputs.shape
    way = ", ".join(f"{key} {value}" for key, value in distilled.training.plain().items())
    rates = distilled.rates
    used = f"{distilled.epochs} passes, rates {rates.min():.3g} to {rates.max():.3g}" if len(rates) else "no rates"
    return (
        f"{len(distilled)} examples of {distilled.data}, {' x '.join(map(str, shape))}, {distilled.classes} classes: "
        f"{steps} steps of {per_step}, {way or used}"
    )


def distilled_html(distilled: Distilled) -> str:
    """Return the set in a few lines, with a sheet for each of the first steps; inputs that are no pictures in words alone."""
    steps = len(distilled.inputs)
    parts = [f"<p><b>Distilled</b> for {html.escape(distilled.network)}: {html.escape(described(distilled))}</p>"]
    if are_images(distilled):
        parts += [_image(distilled, step) for step in range(min(steps, _MOST_STEPS))]
        if steps > _MOST_STEPS:
            parts.append(f"<p>and {steps - _MOST_STEPS} steps more; distiller.pictures.sheet draws any of them</p>")
    return "\n".join(parts)


def _image(distilled: Distilled, step: int) -> str:
    file = io.BytesIO()
    sheet(distilled, step).save(file, "png")
    source = base64.b64encode(file.getvalue()).decode()
    return f'<img style="max-width: 100%" alt="step {step}" src="data:image/png;base64,{source}">'
