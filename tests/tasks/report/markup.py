"""Reads the pages that the tests write."""

import html
import json
import re
from html.parser import HTMLParser


class References(HTMLParser):
    """The addresses a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src")]


def data_of(page, name):
    """The JSON that a page's plots named so are drawn from."""
    return [json.loads(html.unescape(each)) for each in re.findall(rf'data-{name}="(.*?)"', page.read_text())]


def text_of(markup):
    """What a reader sees, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def gallery_of(site):
    text = (site / "assets/features.js").read_text()
    return json.loads(text.removeprefix("const GALLERY = ").removesuffix(";\n"))
