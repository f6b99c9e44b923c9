"""Distilled sentences to nearest words: an IMDB set of 20 sentences of 400 words against 30,000 words, on one core.

Claim: under two seconds of the processor, and the words that an exhaustive search in float64 finds, which is tried on one
sentence. The 2018 code sorts the vocabulary for each of the 8,000 words. Vectors are noise, which costs what real ones cost.

    python benchmarks/decode.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

# Run as a script: the packages stand beside this folder, installed or not.
sys.path.insert(0, str(Path(__file__).parents[1]))

from distiller.data.words import PADDING, Words
from distiller.decode import nearest_words
from distiller.text import Text

_CLAIM = 2.0


def main() -> None:
    """Print the seconds of the processor, and whether the words are right."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(30_000 + PADDING + 1, 100, generator=generator)
    vectors[: PADDING + 1] = 0
    words = Words(Text(length=400), tuple(map(str, range(len(vectors)))), vectors, 0.0)
    inputs = torch.randn(1, 20, 400, 100, generator=generator)
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        found = nearest_words(inputs, words)
        seconds.append(time.process_time() - began)
    distances = torch.cdist(
        inputs[0, 0].double(), vectors[PADDING + 1 :].double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    same = torch.equal(found[0, 0], distances.argmin(1) + PADDING + 1)
    median = statistics.median(seconds)
    print(
        f"20 sentences of 400 words against 30,000: {median:.2f} s; claimed {_CLAIM:g}: "
        f"{'reached' if median < _CLAIM else 'MISSED'}; {'as' if same else 'NOT as'} an exhaustive search finds"
    )


if __name__ == "__main__":
    main()
