"""Text that a test learns in seconds, and vectors for it: files in the layout of the real ones."""

import random

COLOURS = ["red", "blue", "green", "black", "white"]
BEASTS = ["fox", "cat", "dog", "owl", "hen"]
NUMBERS = ["one", "two", "three", "four", "five"]
KINDS = (COLOURS, BEASTS, NUMBERS)


def sentences(count, classes=3, longest=7, seed=0):
    """Return (words, label): most words of a sentence are of its class's kind, and some say nothing."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        label = number % classes
        words = [chance.choice(KINDS[label]) for _ in range(chance.randint(2, longest - 2))]
        made.append(([*words, *chance.choices(["the", "a"], k=2)], label))
    return made


def write_vectors(path, words=(), size=8, seed=0):
    """Write a file in GloVe's format; all words of one kind lie near one place."""
    chance = random.Random(seed)
    lines = []
    for kind in (*KINDS, ["the"], list(words)):
        centre = [chance.gauss(0, 1) for _ in range(size)]
        for word in kind:
            numbers = " ".join(f"{value + chance.gauss(0, 0.2):.5f}" for value in centre)
            lines.append(f"{word} {numbers}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_csv(path, rows, separator=",", split=None):
    """Write sentences as a CSV with the columns text and label, and split where given."""
    lines = [separator.join(["text", "label", *(["split"] if split else [])])]
    for number, (words, label) in enumerate(rows):
        lines.append(separator.join([" ".join(words), str(label), *([split[number]] if split else [])]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def small_text(folder, classes=3, count=90, **text):
    """Write text and vectors into ``folder``; return its path, and the `Text` that names the vectors."""
    from distiller.text import Text

    vectors = write_vectors(folder / "vectors.txt")
    return str(write_csv(folder / "own.csv", sentences(count, classes))), Text(vectors=str(vectors), **text)
