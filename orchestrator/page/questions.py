"""The questions whose answers are the page's figures: named in docs/questions.md, shown below each table, asked of the run."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from orchestrator.page.blocks import Source

__all__ = ["of_trial", "question", "questions"]

_BEST = "(SELECT trial FROM best)"


@cache
def questions() -> dict[str, str]:
    """Return the SQL of each question, by its title."""
    text = (files("orchestrator.page") / "questions.sql").read_text(encoding="utf-8")
    return {title: sql.strip() for title, sql in re.findall(r"^-- (.*)\n((?:(?!-- ).*\n?)*)", text, re.MULTILINE)}


def question(title: str, trial: int | None = None) -> Source:
    """Return a question; of ``trial`` where it asks about the best one and that is given."""
    sql = questions()[title]
    return Source(title, sql if trial is None else of_trial(sql, trial))


def of_trial(sql: str, trial: int) -> str:
    """Return ``sql`` with this trial in place of the best one."""
    return sql.replace(_BEST, f"({trial})")
