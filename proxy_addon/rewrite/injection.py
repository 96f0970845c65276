"""What is put into a page as its first script."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Injection:
    """The script element that is put first into a page: its address, what it is told, and its nonce ('' for none)."""

    source: str
    state: str
    nonce: str = ""

    def html(self) -> bytes:
        """The script as an element."""
        nonce = f' nonce="{self.nonce}"' if self.nonce else ""
        attributes = f'src="{escape(self.source)}" data-consentry-runtime data-consentry-state="{escape(self.state)}"'
        return f"<script {attributes}{nonce}></script>".encode()
