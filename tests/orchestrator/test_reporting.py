import json

import pytest

from orchestrator.cli import main
from tests.orchestrator.written_runs import write_whole_run


def ended(*arguments):
    with pytest.raises(SystemExit) as status:
        main([str(each) for each in arguments])
    return status.value.code or 0


@pytest.fixture
def folder(tmp_path):
    return write_whole_run(tmp_path / "run")


def test_a_report_leaves_its_page_in_the_run_and_says_where(folder, capsys):
    assert ended("report", folder) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"page: {folder / 'report.html'}")
    assert "83.00 % on the test split" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_page_may_be_written_elsewhere_or_not_at_all(folder, tmp_path, capsys):
    assert ended("report", folder, "--no-html") == 0
    assert ended("report", folder, "--html", tmp_path / "a.html") == 0
    assert (tmp_path / "a.html").exists()
    assert not (folder / "report.html").exists()
    assert ended("report", folder, "--html", tmp_path / "b.html", "--no-html") == 2
    assert "exclude each other" in capsys.readouterr().err


def test_programs_get_json_alone_and_a_page_only_where_they_ask(folder, tmp_path, capsys):
    assert ended("report", folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "small"
    assert not (folder / "report.html").exists()
    assert ended("report", folder, "--json", "--html", tmp_path / "a.html") == 0
    json.loads(capsys.readouterr().out)
    assert (tmp_path / "a.html").exists()


def test_a_page_that_cannot_be_written_costs_no_table(folder, tmp_path, capsys):
    (folder / "report.html").mkdir()
    assert ended("report", folder) == 0, "the tables are there"
    said = capsys.readouterr()
    assert "fresh mean, test" in said.out
    assert "the page cannot be written: Is a directory; name a place for it by --html FILE" in said.err
    assert ended("report", folder, "--html", tmp_path / "absent" / "a.html") == 1
    assert "the page cannot be written: No such file or directory" in capsys.readouterr().err


def test_several_runs_have_a_page_where_one_is_named(folder, tmp_path, capsys):
    other = write_whole_run(tmp_path / "other")
    assert ended("report", folder, other, "--html", tmp_path / "curve.html") == 0
    assert "digits, lenet, random initialisation" in (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert f"page: {tmp_path / 'curve.html'}" in capsys.readouterr().out
    assert ended("report", folder, other) == 0
    assert not list(tmp_path.glob("*/report.html"))
