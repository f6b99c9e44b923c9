"""What networks of sentences have in common: inputs [B, L, D] of L words' vectors, and which of these are words at all."""

from __future__ import annotations

from torch import Tensor, nn

from .error import NetworkError

__all__ = ["SentenceNetwork", "there"]


class SentenceNetwork(nn.Module):
    """A network of embedded sentences; where ``masked``, it passes over words whose vectors are all zero.

    These are padding and words of no vector; no known word has such a vector (`distiller.data.words`).
    """

    masked = True

    def __init__(self, name: str, shape: tuple[int, ...], shortest: int = 1) -> None:
        """Check that inputs are of ``shape`` (L, D), L of at least ``shortest``; raise `NetworkError` where they are not."""
        super().__init__()
        if len(shape) != 2:
            raise NetworkError(f"{name} does not fit examples of shape {shape}; it takes sentences: words x vector")
        if shape[0] < shortest:
            raise NetworkError(
                f"{name} does not fit sentences of {shape[0]} words, {shortest} at least; name a larger text.length"
            )


def there(inputs: Tensor, masked: bool) -> Tensor | None:
    """Return which positions of sentences [..., L, D] hold a word: bool [..., L]; `None` for all where not ``masked``."""
    return (inputs != 0).any(-1) if masked else None
