"""What an audit found, as frozen values, and their JSON (result.schema.json)."""

from __future__ import annotations

import base64
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from jsonschema import Draft202012Validator

SCHEMA = 1

VIOLATION, WARNING = "violation", "warning"
SEVERITIES = (VIOLATION, WARNING)

# Kinds of findings. The first group are violations, the second warnings; gpc-ignored is either, as the law binds GPC.
RAN = "ran-without-consent"
COOKIE = "cookie-without-consent"
STORAGE = "storage-without-consent"
KEPT = "kept-after-withdrawal"
AFTER_WITHDRAWAL = "ran-after-withdrawal"
WRONG_SIGNAL = "wrong-consent-signal"
HARDER = "refusal-harder"
GPC = "gpc-ignored"
UNCATALOGUED = "uncatalogued-host"
NEVER_RAN = "never-ran"
BROKEN = "page-broken"
UNREACHED = "state-not-reached"
UNOPENED = "page-not-opened"
KINDS = (
    RAN, COOKIE, STORAGE, KEPT, AFTER_WITHDRAWAL, WRONG_SIGNAL, HARDER, GPC, UNCATALOGUED, NEVER_RAN, BROKEN, UNREACHED,
    UNOPENED,
)  # fmt: skip

# When in a state something happened: before the visitor chose, after it, and after the choice was taken back.
BEFORE, AFTER, WITHDRAWN = "before", "after", "withdrawn"
PHASES = (BEFORE, AFTER, WITHDRAWN)

# What a vendor did in a state. violation: ran, and must not · ran: as it may · held: the proxy kept it from running
# (enforce mode) · silent: did nothing, as it must · missing: did nothing, though it may · unknown: the state was not
# reached.
CELL_VIOLATION, CELL_RAN, CELL_HELD, CELL_SILENT, CELL_MISSING, CELL_UNKNOWN = (
    "violation", "ran", "held", "silent", "missing", "unknown"
)  # fmt: skip
CELLS = (CELL_VIOLATION, CELL_RAN, CELL_HELD, CELL_SILENT, CELL_MISSING, CELL_UNKNOWN)

_Value = TypeVar("_Value")


class ResultError(Exception):
    """A file is no result of an audit: one sentence with the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (violation) or worth a look (warning).

    `key` names it from one audit to the next, whatever values its URLs carry: baselines list keys. `evidence` are
    sentences, `law` names what it offends, or is '' where nothing does, `remedy` says what to do.
    """

    key: str
    kind: str
    severity: str
    title: str
    page: str
    state: str
    vendor: str
    category: str
    evidence: tuple[str, ...]
    law: str
    remedy: str


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request as the proxy saw it. `time` is in seconds since the state began; URLs are redacted as evidence is.

    `type` is a word of Sec-Fetch-Dest; `initiator` what made it (a script's address, or the page's), '' if not known.
    `vendor` and `rule` are '' for what is not catalogued. `verdict` is what the state's consent makes of it, `outcome`
    what was done: passed, held. `status` is 0 where no answer came.
    """

    number: int
    time: float
    phase: str
    method: str
    url: str
    host: str
    type: str
    page: str
    initiator: str
    vendor: str
    rule: str
    categories: tuple[str, ...]
    verdict: str
    outcome: str
    reason: str
    status: int


@dataclass(frozen=True, slots=True)
class CookieSeen:
    """One cookie of a state. `set_by` is the address of what set it, '' if nobody was seen doing it.

    `via` says how: header, script, or ''. `phases` are those at whose end it was there. Values are never kept.
    """

    name: str
    domain: str
    path: str
    vendor: str
    categories: tuple[str, ...]
    set_by: str
    via: str
    lifetime: str
    first: str
    phases: tuple[str, ...]
    http_only: bool
    secure: bool
    same_site: str


@dataclass(frozen=True, slots=True)
class StorageSeen:
    """One key of web storage. `area` is local or session; the rest as of a cookie."""

    origin: str
    area: str
    key: str
    vendor: str
    categories: tuple[str, ...]
    set_by: str
    first: str
    phases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignalSent:
    """What a request says that its tag was told of consent.

    `kind` is google-consent-mode, microsoft-uet, tcf, us-privacy, gpp, or preferences (in a body, `name` and `value`
    empty). `wrong` is a sentence where it contradicts the state, else ''.
    """

    time: float
    phase: str
    vendor: str
    url: str
    kind: str
    name: str
    value: str
    wrong: str


@dataclass(frozen=True, slots=True)
class CarriedSeen:
    """Something of a vendor's that a script carries, whether it ran or not.

    `script` is its address, '' for what only stands in the page. `what` is a word of an inspection's (`bundled SDK`,
    `tag`, `script`, `image`, `inline script`), or `global` for a name on window; `where` says where it stands there.
    """

    vendor: str
    what: str
    script: str
    where: str


@dataclass(frozen=True, slots=True)
class ConsoleError:
    """An error of a page. `kind` is console, exception or request (what was asked for failed)."""

    time: float
    phase: str
    kind: str
    text: str
    page: str


@dataclass(frozen=True, slots=True)
class PageMissed:
    """A page after the first that could not be looked at. `why` is a sentence."""

    time: float
    page: str
    why: str


@dataclass(frozen=True, slots=True)
class Screenshot:
    """What a page looked like at the end of a phase: a PNG, in JSON as base64."""

    phase: str
    page: str
    width: int
    height: int
    png: bytes


@dataclass(frozen=True, slots=True)
class StateRun:
    """One state: a visitor that nobody has seen before, led to a choice.

    `expected` is what the visitor's consent is at the end: granted, denied or unset for each category. `how` says by
    what the state was reached: steps, platform, autoconsent, cookie, or '' where there was nothing to do. `clicks`
    are those that it took. `consent` and `signal` are what the proxy itself read at the end. `error` says why the state
    was not reached, or ''. `pages` are those that were looked at, `missed` those that could not be.
    """

    state: str
    title: str
    expected: Mapping[str, str]
    how: str
    clicks: int
    consent: str
    signal: str
    error: str
    started: float
    seconds: float
    pages: tuple[str, ...]
    requests: tuple[RequestSeen, ...] = ()
    cookies: tuple[CookieSeen, ...] = ()
    storage: tuple[StorageSeen, ...] = ()
    signals: tuple[SignalSent, ...] = ()
    carried: tuple[CarriedSeen, ...] = ()
    console: tuple[ConsoleError, ...] = ()
    screenshots: tuple[Screenshot, ...] = ()
    missed: tuple[PageMissed, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """What a vendor did in one state: a word of CELLS, how many requests, and how many of them it must not make."""

    what: str
    requests: int
    violations: int


@dataclass(frozen=True, slots=True)
class VendorRow:
    """A row of the matrix: a vendor, and its cell for each state."""

    vendor: str
    name: str
    category: str
    categories: tuple[str, ...]
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class HostSeen:
    """A third party in nobody's file: how many requests, of which types, in which states."""

    host: str
    requests: int
    types: tuple[str, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clicks:
    """How many clicks it takes to accept all and to refuse all; None where it was not found out."""

    accept: int | None = None
    reject: int | None = None


@dataclass(frozen=True, slots=True)
class AuditResult:
    """One site's audit. `started` is in seconds since the epoch, `seconds` how long it took.

    `platform` is the consent platform that was recognised, or ''. `errors` are what went wrong with the audit itself.
    """

    site: str
    started: float
    seconds: float
    version: str
    mode: str
    regime: str
    platform: str
    browser: str
    states: tuple[StateRun, ...]
    findings: tuple[Finding, ...]
    vendors: tuple[VendorRow, ...]
    hosts: tuple[HostSeen, ...]
    clicks: Clicks
    errors: tuple[str, ...]
    schema: int = field(default=SCHEMA)

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that are violations."""
        return tuple(each for each in self.findings if each.severity == VIOLATION)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are warnings."""
        return tuple(each for each in self.findings if each.severity == WARNING)

    def plain(self) -> dict[str, Any]:
        """The result as a JSON-ready mapping, as result.schema.json describes it."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain

    def to_json(self) -> str:
        """The result as JSON text."""
        return json.dumps(self.plain(), indent=1, ensure_ascii=False)


def from_plain(plain: object, where: str = "the result") -> AuditResult:
    """The result that a mapping describes. `where` names it in errors. Raises ResultError."""
    error = next(iter(sorted(_validator().iter_errors(plain), key=lambda each: list(map(str, each.path)))), None)
    if error is not None:
        at = "/".join(map(str, error.absolute_path)) or "the top"
        raise ResultError(
            f"{where} is no result of `consentry audit`, version {SCHEMA}: at {at}, {error.message[:200]}; "
            "write it anew with --report FILE.json."
        )
    return _value(AuditResult, plain)


def from_json(text: str | bytes, where: str = "the result") -> AuditResult:
    """The result that JSON text holds. Raises ResultError."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{where} is no JSON ({error}); write it anew with --report FILE.json.") from None
    return from_plain(plain, where)


def read_result(path: Path) -> AuditResult:
    """The result in a file. Raises ResultError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror}); give a file that --report wrote.") from None
    return from_json(text, str(path))


@lru_cache(maxsize=1)
def result_schema() -> Mapping[str, Any]:
    """The published JSON schema of a result."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("result.schema.json").read_bytes())
    return loaded


@lru_cache(maxsize=1)
def _validator() -> Draft202012Validator:
    return Draft202012Validator(result_schema())


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return value


def _value(kind: type[_Value], plain: Any) -> _Value:
    """The dataclass of a kind; what it is made of was validated."""
    hints = get_type_hints(kind)
    return kind(**{name: _part(hint, plain[name]) for name, hint in hints.items() if name in plain})


def _part(hint: Any, plain: Any) -> Any:
    form, inner = get_origin(hint), get_args(hint)
    if form is tuple:
        return tuple(_part(inner[0], each) for each in plain)
    if form is Mapping:
        return {name: _part(inner[1], each) for name, each in plain.items()}
    if form in (Union, types.UnionType):
        return plain
    if hint is bytes:
        return base64.b64decode(plain)
    if isinstance(hint, type) and is_dataclass(hint):
        return _value(hint, plain)
    return hint(plain) if hint is float else plain
