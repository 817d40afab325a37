"""What a page consists of, as a browser's parser would see it."""

from html.parser import HTMLParser
from typing import Any


class Document(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "li", "dt", "dd"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, tag: str | None, attribute: str) -> list[str]:
        """The values of an attribute, of one tag or of all."""
        return [v for t, name, v in self.attributes if name == attribute and tag in (None, t)]

    @property
    def dangling(self) -> set[str]:
        """Links within the page that lead nowhere."""
        links = {link[1:] for link in self.values(None, "href") if link.startswith("#")}
        links |= {link[1:] for link in self.values(None, "xlink:href") if link.startswith("#")}
        return links - set(self.values(None, "id"))
