"""DuckDuckGo's autoconsent, as npm has it, for banners that no platform file describes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Frame, Page

from ..config import UsageError
from .flow import AUTOCONSENT, Made, NotReachedError
from .states import ACCEPT, REJECT, State

_SCRIPT, _RULES = "dist/autoconsent.playwright.js", "rules/rules.json"
_BINDING = "autoconsentSendMessage"
# It looks for a banner several times a second; what takes longer than this does not end.
_FINDS, _ENDS = 6_000, 30_000
_POLL = 50
_FOUND = "popupFound"


class AutoconsentDriver:
    """Accepts and refuses as the package's rules know how; it knows no single categories and no withdrawal."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the package @duckduckgo/autoconsent was unpacked. Raises UsageError."""
        try:
            self._script = (folder / _SCRIPT).read_text("utf-8")
            self._rules = json.loads((folder / _RULES).read_bytes())["autoconsent"]
        except (OSError, ValueError, KeyError):
            raise UsageError(
                f"{folder} does not hold the package @duckduckgo/autoconsent; install it with "
                "`npm install @duckduckgo/autoconsent` and give node_modules/@duckduckgo/autoconsent."
            ) from None

    def make(self, page: Page, action: str, _state: State, choosing: Callable[[], None]) -> Made | None:
        """See Driver."""
        if action not in (ACCEPT, REJECT):
            return None
        session = _Session(page, self._script, self._rules)
        session.begin()
        try:
            if not session.waits_for(_FOUND, _FINDS):
                return None
            choosing()
            taken = session.tells("optIn" if action == ACCEPT else "optOut")
        finally:
            session.end()
        if not taken:
            raise NotReachedError("autoconsent found a banner and could not make the choice")
        return Made(AUTOCONSENT, "", None)


class _Session:
    """One run of the package's script in a page."""

    def __init__(self, page: Page, script: str, rules: object) -> None:
        self._page = page
        self._script = script
        self._rules = rules
        self._said: list[Mapping[str, Any]] = []
        self._asking: list[Frame] = []
        self._over = False

    def begin(self) -> None:
        """Put the script into every frame, and into those that come."""
        self._page.expose_binding(_BINDING, self._hears)
        self._page.on("framenavigated", self._enters)
        for frame in self._page.frames:
            self._enters(frame)

    def end(self) -> None:
        """Take no more notice of it."""
        self._over = True
        self._page.remove_listener("framenavigated", self._enters)

    def waits_for(self, kind: str, timeout: int) -> bool:
        """Whether a message of this kind comes in time."""
        for _ in range(timeout // _POLL):
            if any(each.get("type") == kind for each in self._said):
                return True
            self._page.wait_for_timeout(_POLL)
        return False

    def tells(self, action: str) -> bool:
        """Let it make the choice where a banner asks, and say whether it could."""
        for frame in self._asking:
            frame.evaluate("type => void autoconsentReceiveMessage({type})", action)
        self.waits_for("autoconsentDone", _ENDS)
        return any(each.get("type") == f"{action}Result" and each.get("result") is True for each in self._said)

    def _enters(self, frame: Frame) -> None:
        try:
            frame.evaluate(self._script)
        except Error:
            # A frame that is gone needs no choice.
            return

    def _hears(self, source: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        if self._over:
            return
        self._said.append(message)
        if message.get("type") == _FOUND:
            self._asking.append(source["frame"])
        elif message.get("type") == "init":
            config: dict[str, object] = {
                "enabled": True,
                "autoAction": None,
                "disabledCmps": [],
                "enablePrehide": False,
                "detectRetries": 20,
                "enableCosmeticRules": False,
            }
            answer = {"type": "initResp", "config": config, "rules": {"autoconsent": self._rules}}
            try:
                source["frame"].evaluate("answer => void autoconsentReceiveMessage(answer)", answer)
            except Error:
                return
