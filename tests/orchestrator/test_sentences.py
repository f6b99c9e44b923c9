"""Distilled sentences in words: written by export, printed by report."""

import csv
import dataclasses
import io

import pytest
import torch
from PIL import Image
from rich.console import Console

from distiller.distilled import Distilled
from distiller.reading import Reading
from distiller.text import Text
from orchestrator import load
from orchestrator.distilled_table import read_distilled, write_distilled
from orchestrator.export import export
from orchestrator.opening import RunError
from orchestrator.sentences import render_sentences, shown_lines

SET = Distilled(
    inputs=torch.randn(1, 2, 4, 6, generator=torch.Generator().manual_seed(0)),
    labels=torch.tensor([[[-2.21], [2.53]]]),
    rates=torch.tensor([0.5, 0.25]),
    epochs=2,
    classes=2,
    mean=(0.0,),
    std=(1.0,),
    data="imdb",
    network="textconvnet",
    text=Text(length=4),
    reading=Reading((("a dull film indeed", 'best, "of" all films'),), ("negative", "positive")),
)


def test_export_writes_every_sentence_with_its_label(tmp_path):
    SET.save(tmp_path / "set.safetensors")
    export(tmp_path / "set.safetensors", tmp_path / "out", ["sentences"])
    assert (tmp_path / "out/sentences.txt").read_text() == (
        "Step 0, rates 0.500, 0.250\n\nnegative (-2.21)\n    a dull film indeed\n"
        'positive (2.53)\n    best, "of" all films\n'
    )
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/sentences.csv").read_text())))
    assert [(row["step"], row["label"], row["sentence"]) for row in rows] == [
        ("0", "negative (-2.21)", "a dull film indeed"),
        ("0", "positive (2.53)", 'best, "of" all films'),
    ]


def test_sentences_are_drawn_a_row_a_word(tmp_path):
    SET.save(tmp_path / "set.safetensors")
    files = export(tmp_path / "set.safetensors", tmp_path / "out", ["png"])
    with Image.open(next(path for path in files if path.name.startswith("001"))) as picture:
        assert picture.size == (6, 4)
        grey = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(4, 6)
    assert torch.equal(grey > 127.5, SET.inputs[0, 1] > 0)


@pytest.mark.parametrize("format", ["npz", "dataset", "safetensors"])
def test_all_formats_keep_what_a_set_reads_as(tmp_path, format):
    SET.save(tmp_path / "set.safetensors")
    export(tmp_path / "set.safetensors", tmp_path / "out", [format])
    name = {"npz": "distilled.npz", "dataset": "dataset", "safetensors": "distilled.safetensors"}[format]
    assert load(tmp_path / "out" / name).to_bytes() == SET.to_bytes()


def test_the_table_of_a_run_keeps_it_too(tmp_path):
    name = write_distilled(tmp_path, SET)
    back = read_distilled(tmp_path / f"{name}.parquet")
    assert (back.text, back.reading, back.digest()) == (SET.text, SET.reading, name)


def test_a_screen_shows_the_first_words_of_the_first_sentences():
    many = dataclasses.replace(
        SET,
        inputs=SET.inputs.expand(1, 2, 4, 6).repeat(1, 15, 1, 1),
        labels=SET.labels.repeat(1, 15, 1),
        reading=Reading((("word " * 399 + "end",) * 30,), ("no", "yes")),
    )
    lines = shown_lines(many)
    assert len(lines) == 21
    assert lines[0].startswith("no (-2.21): word")
    assert lines[0].endswith("word ...")
    assert lines[-1] == "And 10 more: stillhouse export --format sentences writes all."
    console = Console(file=io.StringIO(), width=80)
    render_sentences(SET, console)
    assert "positive (2.53): best" in console.file.getvalue()


def test_a_set_that_is_no_text_has_no_sentences(tmp_path):
    other = dataclasses.replace(SET, text=None, reading=None)
    other.save(tmp_path / "set.safetensors")
    with pytest.raises(RunError, match="the set holds no text"):
        export(tmp_path / "set.safetensors", tmp_path / "out", ["sentences"])
    assert shown_lines(other) == []
