"""Assertions about what ran. Each waits until the page is quiet, and says what was seen against it."""

from __future__ import annotations

from collections.abc import Iterable

from .watch import Ran, watched


def assert_silent(page: object, quiet: float = 1.0) -> None:
    """No catalogued vendor's request has gone out (what is necessary does not count)."""
    assert_only(page, (), quiet)


def assert_only(page: object, categories: Iterable[str], quiet: float = 1.0) -> None:
    """Only requests that need these categories, or none, have gone out."""
    __tracebackhide__ = True
    allowed = {categories} if isinstance(categories, str) else set(categories)
    against = [each for each in _ran(page, quiet) if not allowed.issuperset(each.categories)]
    if against:
        only = f"only {' and '.join(sorted(allowed))} may run" if allowed else "nothing may run"
        count = f"{len(against)} request{'' if len(against) == 1 else 's'}"
        raise AssertionError("\n  ".join([f"{only}, but {count} went out:", *map(str, against)]))
    if more := watched(page).unheard():
        raise AssertionError(f"the page asked for more than is kept; {more} requests were not looked at")


def assert_ran(page: object, vendor: str, quiet: float = 1.0) -> None:
    """A request of this vendor, by its id, has gone out."""
    __tracebackhide__ = True
    ran = _ran(page, quiet)
    if not any(each.vendor == vendor for each in ran):
        others = ", ".join(dict.fromkeys(each.vendor for each in ran)) or "nobody's"
        raise AssertionError(f"no request of {vendor} went out; what did was {others}")


def _ran(page: object, quiet: float) -> tuple[Ran, ...]:
    watch = watched(page)
    watch.settle(page, quiet)
    return watch.ran()
