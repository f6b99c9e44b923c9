"""A report's page as a reader of HTML has it: its tables by question, its texts, its tags."""

import re
from html.parser import HTMLParser

NUMBER = re.compile(r"[+-]?\d[\d,.:]*(?:e[+-]?\d+)?")


class Page(HTMLParser):
    """``tables`` are (question, headers, rows); ``texts`` all texts by the section that they are in."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.texts, self.pictures = set(), [], {"head": ""}, []
        self._question, self._section, self._cell, self._is_style = None, "head", None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.add(tag)
        self._question = found.get("data-question", self._question)
        self._is_style = tag == "style"
        self._section = found["id"] if tag == "section" else self._section
        self.texts.setdefault(self._section, "")
        if tag == "table":
            self.tables.append((self._question, [], []))
        elif tag == "tr" and self.tables[-1][1]:
            self.tables[-1][2].append([])
        elif tag in ("td", "th"):
            self._cell = ""
        elif tag == "img":
            self.pictures.append(found["alt"])

    def handle_endtag(self, tag):
        self.texts[self._section] += " "
        if tag in ("td", "th"):
            _, headers, rows = self.tables[-1]
            (headers if tag == "th" else rows[-1]).append(self._cell)
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data
        if not self._is_style:
            self.texts[self._section] += data

    def table(self, *headers):
        """Return the rows of the table that has these headers among its own, as dictionaries."""
        found = next(t for t in self.tables if set(headers) <= set(t[1]))
        return [dict(zip(found[1], row, strict=True)) for row in found[2]]


def numbers(text):
    """Return what looks like a number in a text, as it stands there."""
    return {found.rstrip(".,:") for found in NUMBER.findall(text)}
