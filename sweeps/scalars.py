"""Unquoted words of YAML 1.2: which are numbers, truths or nothing, and which are text.

The core schema (YAML 1.2.2, section 10.3.2) and no more: ``1e-3`` and ``010`` are numbers (0.001 and ten), while ``no``,
``1_000``, ``12:30`` and ``2020-01-01`` are text.
"""

from __future__ import annotations

import re

__all__ = ["Scalar", "scalar"]

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST = 200  # what is shorter fits a float, in base 16 too


def scalar(word: str) -> Scalar:
    """Return what the unquoted ``word`` stands for. A number of more than 200 characters stays text."""
    if word in _WORDS:
        return _WORDS[word]
    if len(word) > _LONGEST:
        return word
    if _INT.fullmatch(word):
        return int(word)
    if _OCTAL.fullmatch(word) or _HEX.fullmatch(word):
        return int(word, base=0)
    if _FLOAT.fullmatch(word):
        return float(word)
    return float(word.replace(".", "")) if _INFINITE.fullmatch(word) else word
