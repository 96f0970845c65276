"""What the ledger can be asked: rows by filters, newest first or in their order, and counts of them.

Rows have the order in which they were stored (`id`), whatever the clock said: `time` may go back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select

from .asked import Filters, Wanted
from .evidence import Evidence
from .schema import FIELDS, ROWS

_C = ROWS.c


@dataclass(frozen=True, slots=True)
class Row(Evidence):
    """Evidence as it is stored: `id` grows with each row, also over sessions."""

    id: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """So many rows with one value of something: altogether, by outcome, and when the first and the last was."""

    key: str
    total: int
    outcomes: Mapping[str, int]
    first: float
    last: float


def page_of(
    connection: Connection, filters: Filters, limit: int, *, before: int | None = None, after: int | None = None
) -> list[Row]:
    """Up to `limit` rows: the newest (before an id), newest first; or the next after an id, oldest first."""
    order = _C.id.desc() if after is None else _C.id
    statement = select(ROWS).where(*_conditions(filters)).order_by(order).limit(limit)
    if before is not None:
        statement = statement.where(_C.id < before)
    if after is not None:
        statement = statement.where(_C.id > after)
    return [_row(found) for found in connection.execute(statement)]


def vendors_page(
    connection: Connection, vendor: str, site: str, limit: int, *, before: int | None, most: int
) -> tuple[list[Row], int]:
    """Up to `limit` of a vendor's rows on one site, newest first, and the id before which to go on, 0 at the end.

    No more than `most` of the vendor's rows are looked at, since an index of both would cost every row that is written
    half as much again.
    """
    mine = select(_C.id).where(_C.vendor == vendor).order_by(_C.id.desc())
    if before is not None:
        mine = mine.where(_C.id < before)
    oldest = int(connection.execute(mine.limit(1).offset(most)).scalar() or 0)
    statement = (
        # (An expression, so that the index of sites is not taken: it may have far more rows in between.)
        select(ROWS)
        .where(_C.vendor == vendor, func.coalesce(_C.site, "") == site, _C.id > oldest)
        .order_by(_C.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(_C.id < before)
    found = [_row(each) for each in connection.execute(statement)]
    return found, found[-1].id if len(found) == limit else oldest + 1 if oldest else 0


def newest(connection: Connection, filters: Filters | None = None) -> int:
    """The id of the newest row, 0 if there is none."""
    statement = select(func.max(_C.id)).where(*_conditions(filters or Filters()))
    return int(connection.execute(statement).scalar() or 0)


def id_of(connection: Connection, evidence: Evidence) -> int | None:
    """The id of a row, which its session and number tell from all others."""
    statement = select(_C.id).where(
        _C.time == evidence.time, _C.session == evidence.session, _C.number == evidence.number, _C.number > 0
    )
    found = connection.execute(statement.limit(1)).scalar()
    return None if found is None else int(found)


def latest_session(connection: Connection) -> str | None:
    """The session of the newest row."""
    found = connection.execute(select(_C.session).order_by(_C.id.desc()).limit(1)).scalar()
    return None if found is None else str(found)


def counts(connection: Connection, filters: Filters, by: str) -> list[Count]:
    """How many rows there are of each, most first; `by` is one of asked.COUNTED.

    A row of two categories counts for both.
    """
    column = _C.categories if by == "category" else _C[by]
    statement = (
        select(column, _C.outcome, func.count(), func.min(_C.time), func.max(_C.time))
        .where(*_conditions(filters))
        .group_by(column, _C.outcome)
    )
    found: dict[str, Count] = {}
    for value, outcome, total, first, last in connection.execute(statement):
        for key in _split(value) or ("",) if by == "category" else (value or "",):
            found[key] = _added(found.get(key), Count(key, total, {outcome: total}, first, last))
    return sorted(found.values(), key=lambda count: (-count.total, count.key))


def _added(one: Count | None, other: Count) -> Count:
    if one is None:
        return other
    outcomes = dict(one.outcomes)
    for outcome, total in other.outcomes.items():
        outcomes[outcome] = outcomes.get(outcome, 0) + total
    first, last = min(one.first, other.first), max(one.last, other.last)
    return Count(one.key, one.total + other.total, outcomes, first, last)


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.since is not None:
        # The bound on the id is implied, and lets rows be read in their order from there. Nothing is added to the id
        # lest the least be looked for among all ids, instead of in the index of times.
        earliest = select(func.min(_C.id + 0)).where(_C.time >= filters.since).scalar_subquery()
        yield and_(_C.time >= filters.since, _C.id >= earliest)
    if filters.until is not None:
        yield _C.time < filters.until
    for name in ("vendor", "site", "outcome", "session", "visitor", "layer"):
        if wanted := _several(getattr(filters, name)):
            yield _C[name] == wanted[0] if len(wanted) == 1 else _C[name].in_(wanted)
    if filters.page is not None:
        beginning, star, rest = filters.page.rpartition("*")
        yield _C.page.startswith(beginning, autoescape=True) if star and not rest else _C.page == filters.page
    if categories := _several(filters.category):
        whole = literal(",").concat(_C.categories).concat(",")
        yield or_(*(whole.contains(f",{category},", autoescape=True) for category in categories))
    if filters.text:
        searched = (_C.url, _C.page, _C.reason, _C.vendor)
        yield or_(*(column.icontains(filters.text, autoescape=True) for column in searched))


def _several(wanted: Wanted) -> tuple[str, ...]:
    return () if wanted is None else (wanted,) if isinstance(wanted, str) else wanted


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _row(found: Any) -> Row:
    values = dict(zip(("id", *FIELDS), found, strict=True))
    values["categories"], values["missing"] = _split(values["categories"]), _split(values["missing"])
    return Row(**values)
