import re
import shutil

import pyarrow as pa
import torch
from rich.console import Console

from distiller.distilled import Distilled
from distiller.reading import Reading
from distiller.text import Text
from orchestrator.distilled_table import write_distilled
from orchestrator.page import page, write_curve, write_page
from orchestrator.report import render
from orchestrator.size_curve import size_curve
from orchestrator.summary import summary
from tests.orchestrator.read_page import Page
from tests.orchestrator.remotes import below
from tests.orchestrator.written_runs import (
    SWEEP,
    WITHOUT_SEARCH,
    baseline_rows,
    evaluations,
    final_rows,
    finished_trials,
    point,
    search_rows,
    trial,
    tune_rows,
    write_events,
    write_run,
    write_whole_run,
)  # fmt: skip

PUBLISHED = "published: {accuracy: '82.75 ± 2.75', source: 'SLDD (arXiv 1910.02551), Table 2'}\n"
TAGS = (
    "html head meta link title style body header p h1 dl div dt dd nav ul li a main section h2 h3 table thead tbody tr th td "
    "details summary pre code figure figcaption svg path text circle rect g i span img footer"
)


def read(folder):
    return Page(page(folder))


def test_the_answer_stands_at_the_top(tmp_path):
    folder = write_whole_run(tmp_path / "run", SWEEP + PUBLISHED)
    write_events(folder, (0, "driver_started"), (75, "done"))
    head = " ".join(read(folder).texts["head"].split())
    # The standard error is 0.0129, and t is 3.182 at 3 degrees of freedom. The trials' networks are equal, one by one.
    assert "Trial 1 (steps 2, outer_lr 0.01235) wins" in head
    assert "83.00 % on the test split (95 % interval 78.89 to 87.11, 4 networks)" in head
    assert "level with trial 0, the runner-up (95 % interval +0.00 to +0.00, 3 pairs: not settled)" in head
    assert "23.00 points above random_real" in head
    assert "it is 0.25 points above the published 82.75 ± 2.75" in head
    assert "0:01:15 on the clock" in head


def test_what_the_terminal_shows_is_on_the_page(tmp_path):
    folder = write_whole_run(tmp_path / "run", SWEEP + PUBLISHED)
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    render(summary(folder), console)
    figures = set(re.findall(r"\d+\.\d\d(?!\d)", console.export_text()))
    text = page(folder)
    assert len(figures) > 10
    assert [figure for figure in figures if figure not in text] == []


def test_no_trial_has_finished(tmp_path):
    folder = write_run(tmp_path / "run", SWEEP)
    found = read(folder)
    assert "No trial has finished yet, of 4 trials" in found.texts["head"]
    assert "stopped, in stage search" in found.texts["head"]
    assert "The whole sweep" in found.texts["origin"]


def test_a_run_still_going_says_so(tmp_path):
    from orchestrator.lease import Lease

    folder = write_run(
        tmp_path / "run", SWEEP, finished_trials()[:1], search_rows()[:3], [point(0, 0, 0), point(1, 0, 0)]
    )
    with Lease.take(folder):
        head = read(folder).texts["head"]
    assert "still going, in stage search" in head
    assert (
        "Trial 0 (steps 2, outer_lr 0.01235) leads so far: freshly drawn lenet networks reach 80.00 % on validation"
        in head
    )


def test_one_trial_without_a_search(tmp_path):
    folder = write_run(
        tmp_path / "run", WITHOUT_SEARCH, [trial(0, 0.96, n=1, params=None)], evaluations("final", [0.9613])
    )
    found = read(folder)
    assert (
        "The recipe is measured: lenet, from the initialisation that it was distilled for, reaches 96.13 %"
        in found.texts["head"]
    )
    assert "(1 network, so no interval)" in found.texts["head"]
    assert "search" not in found.texts


def test_only_failed_trials_are_counted_by_cause_with_an_example(tmp_path):
    ended = [
        trial(n, status="failed", cause="memory" if n else "user", error=f"\nno {n} left\nand more") for n in range(4)
    ]
    found = read(write_run(tmp_path / "run", SWEEP, ended))
    assert "No trial is complete, 4 failed (3 memory, 1 user): there is no winner." in found.texts["head"]
    assert found.table("cause")[0] == {
        "status": "failed", "cause": "memory", "for example": "no 1 left", "trials": "3", "first trial": "1",
    }  # fmt: skip
    assert "search" in found.texts, "its history shows that none has a result"


def test_a_thousand_trials_make_a_page_of_twenty(tmp_path):
    params = [{"steps": 1 + n % 5, "outer_lr": 0.001 + n / 1e5} for n in range(1000)]
    cost = [{"device_seconds": 1.0 + n % 50} for n in range(1000)]
    trials = [trial(n, 0.5 + n % 97 / 1000, 0.02, 0.01, params=params[n], **cost[n]) for n in range(1000)]
    folder = write_run(tmp_path / "run", SWEEP.replace("trials: 4", "trials: 1000"), trials)
    text = page(folder)
    assert len(text) < 2_000_000
    assert len(Page(text).table("status", "95 % interval")) == 20
    assert "And 980 trials more" in text


def test_a_sweep_that_distils_nothing_shows_its_baselines(tmp_path):
    text = SWEEP[: SWEEP.index("search:")] + SWEEP[SWEEP.index("evaluate:") :] + "distil: false\n"
    found = read(write_run(tmp_path / "run", text, [], tune_rows() + baseline_rows(), finals=[0]))
    assert "it measures baselines alone" in found.texts["head"]
    assert found.table("sd runs")[0]["accuracy, % ± sd"] == "60.00 ± -"


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</style></svg>]]>"


def test_what_comes_from_a_sweep_never_becomes_markup(tmp_path):
    quoted = HOSTILE.replace("'", "''")
    text = SWEEP.replace("about: A sweep with [brackets], to be shown as they are.", f"about: '{quoted}'")
    text = text.replace("steps: {int: [1, 5]}", f"data: {{choice: [digits, './{quoted}']}}")
    text += f"published: {{accuracy: '{quoted}', source: '{quoted}', baselines: {{random_real: '{quoted}'}}}}\n"
    ended = finished_trials()
    for row, data in zip(ended, ("digits", f"./{HOSTILE}", "digits", "digits"), strict=True):
        row["params"] = {"data": data, "outer_lr": 0.01}
    ended[2] |= {"cause": HOSTILE, "error": HOSTILE}
    rows = search_rows() + final_rows(network=f"a:{HOSTILE}") + tune_rows() + baseline_rows()
    rows += evaluations("extra", [0.7, 0.8], trial=1, network=HOSTILE)
    folder = write_run(
        tmp_path / "run", text, ended, rows, params=pa.struct([("data", pa.string()), ("outer_lr", pa.float64())])
    )
    found = page(folder)
    assert HOSTILE not in found
    assert "&lt;script&gt;alert(1)" in found
    assert Page(found).tags <= set(TAGS.split())
    assert Page(found).pictures == []


def test_nothing_is_fetched_and_nothing_runs(finished):
    text = page(finished.folder)
    assert "script" not in Page(text).tags
    addresses = re.findall(r"""(?:src|href)="([^"]{0,20})|url\(([^)]{0,20})""", text)
    assert {(first or second)[:5] for first, second in addresses} <= {
        "data:",
        *[f"#{name[:4]}" for name in Page(text).texts],
    }


def test_a_page_replaces_the_one_before_whole(finished, tmp_path):
    first = write_page(finished.folder, tmp_path / "a.html")
    assert first.read_text(encoding="utf-8").endswith("</html>")
    write_page(finished.folder, first)
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_set_that_is_gone_is_said_to_be(tmp_path):
    found = read(write_whole_run(tmp_path / "run"))
    assert "It cannot be shown" in found.texts["distilled"]


def test_the_spread_of_an_extended_run_is_that_of_its_last_final(tmp_path):
    rows = search_rows() + final_rows() + evaluations("final/2", [0.7, 0.71], trial=1)
    found = read(write_run(tmp_path / "run", SWEEP, finished_trials(), rows, finals=[2, 4]))
    assert "2 networks of phase final/2" in found.texts["networks"]
    assert [(row["phase"], row["networks"]) for row in found.table("median")] == [
        ("final", "4"), ("final/2", "2"), ("search", "3"),
    ]  # fmt: skip


def test_the_spread_of_the_searchs_networks_is_about_their_own_mean(tmp_path):
    rows = search_rows() + final_rows(network="convnet")
    text = page(write_run(tmp_path / "run", SWEEP, finished_trials(), rows))
    assert "3 networks of phase search" in text
    assert "<title>mean 85.00</title>" in text
    assert "<title>mean 83.00</title>" not in text


def test_one_network_has_no_spread(tmp_path):
    rows = evaluations("search", [0.96], split="validation") + evaluations("final", [0.9613])
    found = read(write_run(tmp_path / "run", WITHOUT_SEARCH, [trial(0, 0.96, n=1, params=None)], rows))
    assert "networks" not in found.texts


def test_accuracy_under_an_attack_is_said_to_be_by_the_labels_that_it_wants(tmp_path):
    text = SWEEP.replace("outer_steps: 10", "outer_steps: 10, objective: {attack: {class: 0, target: 1}}")
    found = read(write_whole_run(tmp_path / "run", text))
    assert "83.00 % on the test split, where class 0 shall be taken for class 1 (95 %" in found.texts["head"]
    assert "class 0 is right where it is taken for class 1" in found.texts["result"]
    assert "is right where" not in read(write_whole_run(tmp_path / "other")).texts["result"]


def test_with_several_objectives_the_most_accurate_is_not_called_the_winner(tmp_path):
    text = SWEEP.replace("  trials: 4\n", "  trials: 3\n  objectives: [accuracy, examples]\n")
    costs = [(0.80, 20), (0.85, 50), (0.70, 20)]
    ended = [trial(n, each[0], 0.02, 0.0115, objectives=list(each)) for n, each in enumerate(costs)]
    head = read(write_run(tmp_path / "run", text, ended, search_rows() + final_rows() + tune_rows() + baseline_rows()))
    assert "is the most accurate of 2 trials on the Pareto front: freshly" in " ".join(head.texts["head"].split())


def test_a_baseline_of_another_network_is_drawn_by_its_name(tmp_path):
    rows = search_rows() + final_rows() + tune_rows() + baseline_rows()
    rows += [row | {"network": "convnet3"} for row in baseline_rows()]
    text = page(write_run(tmp_path / "run", SWEEP, finished_trials(), rows))
    assert "<title>random real: 60.00" in text
    assert "<title>random real, convnet3: 60.00" in text


def test_sentences_are_read_beside_their_labels_and_drawn(tmp_path):
    generator = torch.Generator().manual_seed(0)
    said = Reading((("a dull film indeed", "best <b> of all"),), ("negative", "positive"))
    inputs, labels = torch.randn(1, 2, 4, 6, generator=generator), torch.tensor([[[-2.21], [2.53]]])
    about = {"epochs": 2, "classes": 2, "mean": (0.0,), "std": (1.0,), "data": "imdb", "network": "textconvnet"}
    made = Distilled(inputs, labels, torch.tensor([0.5, 0.25]), **about, text=Text(length=4), reading=said)
    name = write_distilled(tmp_path / "run" / "distilled", made)
    found = read(write_run(tmp_path / "run", SWEEP, [trial(0, 0.8, 0.02, 0.01, distilled=name)], search_rows()[:3]))
    assert [(row["label"], row["sentence"]) for row in found.table("sentence")] == [
        ("negative (-2.21)", "a dull film indeed"),
        ("positive (2.53)", "best <b> of all"),
    ]
    assert found.pictures == ["step 0, example 0; labels 1: -2.21", "step 0, example 1; labels 1: 2.53"]
    assert "grey for zero" in found.texts["distilled"]


def test_a_run_in_a_store_has_the_same_page(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / "bucket" / "run")
    place = below(tmp_path)
    assert str(write_page(place)) == f"{place}/report.html"
    stored = Page((tmp_path / "bucket" / "run" / "report.html").read_text(encoding="utf-8"))
    assert stored.tables == read(finished.folder).tables


def test_a_page_of_several_runs_speaks_of_no_sql(tmp_path):
    folders = [write_whole_run(tmp_path / name) for name in ("a", "b")]
    text = write_curve(size_curve(folders), tmp_path / "curve.html").read_text(encoding="utf-8")
    assert text.count("83.00 ± 2.58") == 2
    assert "SQL" not in text
    assert "SQL below each figure" in page(folders[0])
