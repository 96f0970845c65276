"""Pages of our own, from ordinary to nasty, for the tests that read HTML.

Those written by hand stand in `pages/` only. Those that need odd bytes, an old charset or a lot of room are
written there by `python -m tests.corpus.generate`. A page in a charset other than UTF-8 says so in its
name: `news.shift_jis.html`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its file's name, its bytes, and how a browser would decode them."""

    name: str
    content: bytes
    charset: str

    @property
    def text(self) -> str:
        """The page as a browser decodes it."""
        return self.content.removeprefix(b"\xef\xbb\xbf").decode(self.charset, "replace")


def pages() -> list[Page]:
    """Every page of the corpus, by name."""
    return [_page(path) for path in sorted(PAGES.glob("*.html"))]


def _page(path: Path) -> Page:
    charset = path.name.split(".")[1:-1]
    return Page(path.name, path.read_bytes(), charset[0] if charset else "utf-8")
