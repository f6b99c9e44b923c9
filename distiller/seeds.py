"""Randomness by key, never by order.

A stream is named by a key such as ``(1, "final", 17)``; `derive` hashes the key to a 64-bit seed, and the draws of a seed are
a pure function of (seed, position). So a result depends neither on the number of workers nor on what was drawn before, and K
seeds are drawn in one batched operation that gives each of them what it gives alone, on a CPU and on a GPU.

The generator is splitmix64 (Steele, Lea, Flood 2014): position i of a seed is a bijective mix of ``seed + (i + 1) * GAMMA``.
All seeds walk one orbit of length 2**64 from starts that the hash scatters, so N streams of P draws overlap anywhere with
probability about ``N * N * P / 2**64``: 3e-5 for the 100,000 LeNets of a very large sweep.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["derive", "normal", "permutation", "seed_tensor", "uniform"]

_GAMMA = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def derive(*key: int | str) -> int:
    """Return the 64-bit seed (0 .. 2**64 - 1) of the stream that ``key`` names.

    Integers and strings are told apart: ``derive(1)`` and ``derive("1")`` differ.
    """
    text = json.dumps(key, separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def seed_tensor(seeds: Sequence[int], device: torch.device | str = "cpu") -> Tensor:
    """Return unsigned 64-bit ``seeds`` as an int64 tensor [K] with the same bits, for `normal` and `uniform`."""
    return torch.tensor([_signed(seed) for seed in seeds], dtype=torch.int64, device=device)


def uniform(seeds: Tensor, count: int) -> Tensor:
    """Draw ``count`` float64 numbers of the open interval (0, 1) for each of K ``seeds``: [K, count]."""
    mantissa = _shift_right(_words(seeds, count), 11)
    return (mantissa.to(torch.float64) + 0.5).mul_(2.0**-53)


def normal(seeds: Tensor, count: int) -> Tensor:
    """Draw ``count`` standard normal float64 numbers for each of K ``seeds``: [K, count], by Box and Muller (1958).

    Drawn in float64 so that a caller's rounding to float32 hides the last bits in which devices' logarithms differ.
    """
    half = (count + 1) // 2
    numbers = uniform(seeds, 2 * half)
    radius = numbers[:, :half].log().mul_(-2.0).sqrt_()
    angle = numbers[:, half:] * (2.0 * math.pi)
    return torch.cat([radius * angle.cos(), radius * angle.sin()], dim=1)[:, :count]


def permutation(seed: int, length: int) -> Tensor:
    """Return a random order of ``range(length)`` as int64 [length] on the CPU."""
    generator = torch.Generator().manual_seed(_signed(seed))
    return torch.randperm(length, generator=generator)


def _words(seeds: Tensor, count: int) -> Tensor:
    """Return ``count`` 64-bit words for each of K seeds: int64 [K, count]; int64 products wrap, as splitmix64 wants."""
    steps = torch.arange(1, count + 1, dtype=torch.int64, device=seeds.device) * _signed(_GAMMA)
    words = seeds[:, None] + steps
    words = (words ^ _shift_right(words, 30)).mul_(_signed(_MIX_1))
    words = (words ^ _shift_right(words, 27)).mul_(_signed(_MIX_2))
    return words ^ _shift_right(words, 31)


def _shift_right(words: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros; torch's own shift of int64 copies the sign."""
    return (words >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
