"""A report opened as its readers open it: by a browser, at the width of a phone and of a desk, by day and by night."""

import shutil

import pytest

from orchestrator.figures import number, percent
from orchestrator.page import write_curve, write_page
from orchestrator.page.document import page
from orchestrator.size_curve import size_curve
from orchestrator.summary import summary
from tests.orchestrator.browser import FOUND, Browser
from tests.orchestrator.written_runs import SWEEP, trial, write_run

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium is installed: apt-get install chromium")

# What sticks out of the window, unless a box of its own scrolls it or a plot's frame cuts it.
STICKS_OUT = """
[...document.querySelectorAll("body *")].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !each.closest(".scroll, pre");
}).map(each => each.outerHTML.slice(0, 100))
"""
# Words of a plot that its own drawing cuts off.
CUT_OFF = """
[...document.querySelectorAll("svg.plot text")].filter(each => {
    const box = each.getBoundingClientRect(), svg = each.closest("svg").getBoundingClientRect();
    return box.left < svg.left - 2 || box.right > svg.right + 8 || box.bottom > svg.bottom + 2 || box.top < svg.top - 2;
}).map(each => each.textContent)
"""
# Words of a plot that lie over each other.
OVERLAPPING = """
[...document.querySelectorAll("svg.plot")].flatMap(svg => {
    const texts = [...svg.querySelectorAll("text")].map(each => [each.textContent, each.getBoundingClientRect()]);
    return texts.flatMap(([said, a], i) => texts.slice(i + 1)
        .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3)
        .map(([other]) => said + " | " + other));
})
"""
# Black or white is at 21 to 1; 4.5 is what small text must have (WCAG 2.1, 1.4.3).
CONTRAST = """
(() => {
    const light = words => {
        const parts = words.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255);
        const linear = parts.map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const paper = light(getComputedStyle(document.body).backgroundColor);
    return Math.min(...[...document.querySelectorAll("p, td, th, dt, dd, figcaption, svg text, summary")].map(each => {
        const style = getComputedStyle(each);
        const ink = light(each.closest("svg") ? style.fill : style.color);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    }));
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    return write_page(finished.folder, tmp_path_factory.mktemp("page") / "report.html")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_cut_off_and_the_console_is_clean(browser, written, width, dark):
    browser.open(written, width, dark)
    assert browser.complaints() == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(STICKS_OUT) == []
    assert browser.value(CUT_OFF) == []
    assert browser.value(OVERLAPPING) == []
    assert browser.value("[...document.images].filter(each => !each.naturalWidth).length") == 0
    assert browser.value(CONTRAST) >= 4.5
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(21, 23, 26)") == dark


def test_every_section_holds_the_runs_own_figures(browser, written, finished):
    browser.open(written, 1280)
    figures = summary(finished.folder)
    test, best = figures.headline.test, figures.trials[0]
    (random_real, neighbours) = sorted(figures.baselines, key=lambda each: each.name, reverse=True)
    expected = {
        "result": [
            percent(test.mean),
            percent(test.se),
            percent(random_real.accuracy.mean),
            percent(neighbours.accuracy.mean),
        ],
        "distilled": [figures.headline.distilled[0], f"{figures.headline.examples} examples of digits"],
        "trials": [percent(best.accuracy.mean), percent(best.accuracy.sd_networks), *map(number, best.params.values())],
        "networks": [f"{test.n} networks of phase final"],
        "training": [f"trial {best.trial}, run 0"],
        "search": ["steps", "distill_lr", "lag 1"],
        "troubles": ["complete"],
        "cost": [f"{figures.networks:,} networks"],
        "origin": [figures.digest, "torch"],
    }
    for section, said in expected.items():
        text = browser.value(f"document.getElementById('{section}').innerText")
        assert [each for each in said if each not in text] == [], section
    sections = browser.value("[...document.querySelectorAll('section')].map(each => each.id)")
    assert set(expected) <= set(sections)
    dots = "document.querySelectorAll('#search figure:first-of-type circle').length"
    assert browser.value(dots) >= figures.trials_total


def test_pages_of_few_and_of_many_trials_fit_too(browser, tmp_path):
    params = {"steps": 3, "outer_lr": 0.0123456}
    many = [trial(n, 0.5 + n / 1e4, 0.02, 0.01, params=params | {"outer_lr": 0.001 + n / 1e5}) for n in range(300)]
    failed = [trial(n, status="failed", cause="user", error="Error: " + "unbroken" * 40) for n in range(4)]
    for name, rows in {"none": [], "one": many[:1], "many": many, "failed": failed}.items():
        text = SWEEP.replace("trials: 4", f"trials: {max(4, len(rows))}")
        browser.open(write_page(write_run(tmp_path / name, text, rows)), 400)
        assert browser.complaints() == []
        assert browser.value("document.documentElement.scrollWidth") <= 400
        assert browser.value(STICKS_OUT) == []
        assert browser.value(OVERLAPPING) == []


def test_a_page_of_several_runs_fits(browser, finished, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(finished.folder, other)
    browser.open(write_curve(size_curve([finished.folder, other]), tmp_path / "curve.html"), 400)
    assert browser.complaints() == []
    assert browser.value(STICKS_OUT) == []
    assert percent(summary(other).headline.test.mean) in browser.value("document.body.innerText")


def test_hostile_text_runs_nothing(browser, tmp_path):
    hostile = "<script>document.title = 1</script><img src=x onerror=document.title=2>"
    text = SWEEP.replace("A sweep with [brackets], to be shown as they are.", f"'{hostile}'")
    folder = write_run(tmp_path / "run", text, [trial(0, status="failed", cause="user", error=hostile)])
    assert hostile not in page(folder)
    browser.open(write_page(folder), 1280)
    assert browser.complaints() == []
    assert browser.value("document.title") == "small: report"
    assert hostile in browser.value("document.body.innerText")
