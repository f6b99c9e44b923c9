"""The handwritten digits that scikit-learn carries: real data with no download."""

from __future__ import annotations

from pathlib import Path

from distiller.data.split import stratified_cut
from distiller.data.stored import Stored

__all__ = ["Digits"]

_TEST = 360


class Digits:
    """1,797 digits of 8 x 8 pixels, 0..16 (UCI, "Optical Recognition of Handwritten Digits", its test half).

    Counted as 0..1 and resized to 28 x 28, so that a network made for MNIST fits. scikit-learn gives no test part: it is 360
    fixed rows, cut by class and by a key of their own; the other 1,437 are for training. Writers are not kept apart.
    """

    files: tuple[str, ...] = ()

    def read(self, root: Path | None) -> tuple[Stored, Stored]:
        """Return the training and the test examples; they lie in no ``root``."""
        from sklearn.datasets import load_digits

        pixels, labels = load_digits().images, load_digits().target
        digits = Stored.of(pixels / 16.0, labels).resized(28, 28)
        train, test = stratified_cut(digits.labels, _TEST, "digits", "test")
        return digits.rows(train), digits.rows(test)
