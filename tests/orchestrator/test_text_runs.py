"""A sweep of text from end to end: trials, baselines, the full-data reference, and what its set reads as."""

from pathlib import Path

import pytest

from orchestrator import load, run
from orchestrator.cli import main
from orchestrator.page import page
from tests.distiller.small_text import small_text

SWEEP = """
name: words
seed: 1
recipe:
  data: {path}
  network: textconvnet
  init: random
  labels: soft
  epochs: 2
  distill_lr: 0.1
  outer_steps: 2
  memory: saved
  text: {{vectors: {vectors}, lengths: [5]}}
evaluate:
  validation: 30
  inits: 2
  final: {{inits: 2}}
baselines: [average, knn_random_real]
tuning: {{rates: [0.1], neighbours: [1]}}
full_data: {{passes: 3, lr: 0.01, batch: 16, inits: 2}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    path, text = small_text(folder, count=120)
    (folder / "words.yaml").write_text(SWEEP.format(path=path, vectors=text.vectors))
    return run(str(folder / "words.yaml"), folder / "run", inline=True)


def test_every_phase_is_there(finished):
    rows = finished.query("SELECT phase, avg(accuracy) AS accuracy FROM evaluations GROUP BY phase").to_pylist()
    found = {row["phase"]: row["accuracy"] for row in rows}
    assert {"search", "final", "full", "baseline/average", "baseline/knn_random_real"} <= set(found)
    # All of ninety sentences teach what one sentence a class cannot.
    assert found["full"] > 0.85
    assert found["baseline/average"] > 0.6


def test_the_best_set_reads_as_sentences_of_its_length(finished, capsys):
    distilled = load(finished.folder)
    assert all(len(sentence.split(" ")) == 5 for sentence in distilled.reading.sentences[0])
    with pytest.raises(SystemExit):
        main(["report", str(finished.folder), "--no-html"])
    said = capsys.readouterr().out
    assert distilled.reading.sentences[0][0].split(" ")[0] in said
    assert "nearest word of every vector" in said


def test_the_page_and_a_query_have_the_sentences(finished):
    questions = (Path(__file__).parents[2] / "docs" / "questions.md").read_text()
    asked = questions.split("## What do the learned sentences say?")[1].split("```sql")[1].split("```")[0]
    rows = finished.query(asked).to_pylist()
    assert [row["sentence"] for row in rows] == list(load(finished.folder).reading.sentences[0])
    written = page(finished.folder)
    assert all(row["sentence"] in written and row["label"] in written for row in rows)


def test_a_file_of_the_set_is_evaluated_among_its_own_vectors(finished, tmp_path, capsys):
    load(finished.folder).save(tmp_path / "set.safetensors")
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", str(tmp_path / "set.safetensors"), "--inits", "2", "--json"])
    assert not ended.value.code, capsys.readouterr().err
