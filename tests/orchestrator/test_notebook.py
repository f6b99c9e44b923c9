import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import torch
from PIL import Image
from test_export import distilled

from distiller.pictures import sheet
from orchestrator import open_run
from orchestrator.storage import Storage
from tests.orchestrator.written_runs import trial, write_run, write_whole_run


def pictures(page):
    sources = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]


def is_balanced(page):
    """Say whether every tag is closed in its turn."""
    opened = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attributes):
            opened.extend([tag] if tag != "img" else [])

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Tags().feed(page)
    return not opened


def test_a_set_shows_its_pictures_and_what_it_is():
    one = distilled()
    page = one._repr_html_()
    assert is_balanced(page)
    assert "12 examples of digits, 1 x 5 x 4, 10 classes: 2 steps of 6, 3 passes" in page
    assert [drawn.tobytes() for drawn in pictures(page)] == [sheet(one, step).tobytes() for step in (0, 1)]


def test_a_set_and_a_run_are_a_line_elsewhere(tmp_path):
    assert repr(distilled()).startswith(
        "<Distilled for lenet: 12 examples of digits, 1 x 5 x 4, 10 classes: 2 steps of 6"
    )
    run = open_run(write_run(tmp_path / "run"))
    assert repr(run) == f"<Run {tmp_path}/run: small, {run.digest[:12]}>"
    assert "\n" not in repr(distilled()) + repr(run)


def test_a_set_with_many_steps_shows_the_first_of_them():
    one = distilled()
    many = dataclasses.replace(one, inputs=one.inputs.repeat(10, 1, 1, 1, 1), labels=one.labels.repeat(10, 1, 1))
    page = many._repr_html_()
    assert len(pictures(page)) == 5
    assert "and 15 steps more" in page


def test_inputs_that_are_no_pictures_are_said_in_words():
    page = distilled(shape=(7, 3))._repr_html_()
    assert "7 x 3" in page
    assert not pictures(page)
    assert "no rates" in dataclasses.replace(distilled(shape=(7, 3)), rates=torch.zeros(0))._repr_html_()


def test_a_run_shows_its_report_and_its_best_set(tmp_path):
    folder = tmp_path / "run"
    digest = Storage(folder).write_distilled(distilled())
    page = open_run(write_run(folder, trials=[trial(0, 0.8, 0.02, 0.01, distilled=digest)]))._repr_html_()
    assert is_balanced(page)
    assert "80.00" in page
    assert "A sweep with [brackets], to be shown as they are." in page
    assert len(pictures(page)) == 2


def test_a_run_without_a_set_says_so(tmp_path):
    assert (
        "trial best has no distilled set, nor has any other so far"
        in open_run(write_run(tmp_path / "empty"))._repr_html_()
    )
    # Its set is not there.
    page = open_run(write_whole_run(tmp_path / "run"))._repr_html_()
    assert "No such file" in page
    assert is_balanced(page)
