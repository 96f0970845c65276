"""What people are told of the ledger: what has become of evidence, and what helps."""

from __future__ import annotations

import pytest

from proxy_addon.dashboard.keeping import Standing, notice


def test_there_is_nothing_to_tell_while_all_is_stored() -> None:
    assert notice(Standing("evidence.db", waiting=12), "evidence is stored again, and none is lost") is None


def test_who_wants_no_ledger_is_told_nothing() -> None:
    assert notice(None, "") is None


def test_a_ledger_that_could_not_be_had_says_why() -> None:
    found = notice(None, "evidence is not kept: the ledger /x cannot be used; name another with --ledger.")
    assert found is not None
    assert (found.title, found.lasts) == ("There is no ledger", True)
    assert found.what == "Evidence is not kept: the ledger /x cannot be used; name another with --ledger."


@pytest.mark.parametrize(
    ("failing", "server", "remedy"),
    [
        ("database or disk is full", False, "Make room on the disk of EVIDENCE, or bound what is kept"),
        ('could not extend file "base/1": No space left on device', True, "Make room on the disk of EVIDENCE"),
        ("database is locked", False, "Another program holds EVIDENCE"),
        ("attempt to write a readonly database", False, "may be written by this user"),
        ("connection failed: Connection refused", True, "Check that the database EVIDENCE runs and can be reached"),
        ("", True, "Check that the database EVIDENCE runs"),
    ],
)
def test_what_helps_follows_from_what_the_database_says(failing: str, server: bool, remedy: str) -> None:
    standing = Standing("EVIDENCE", failing, silent=not failing, waiting=1, lost=1200, server=server)
    found = notice(standing, "")
    assert found is not None
    assert found.lasts
    assert remedy in found.remedy
    assert "tries again every few seconds" in found.remedy
    assert "1 row waits in memory until it can be, and 1,200 lost so far." in found.what
    assert (failing or "the ledger does not answer")[1:].rstrip(".") in found.what


def test_what_was_lost_stays_told_when_all_is_well_again() -> None:
    found = notice(Standing("evidence.db", lost=3), "evidence is stored again; rows lost before this: 3")
    assert found is not None
    assert (found.title, found.lasts) == ("Evidence has been lost", False)
    assert found.what == ("3 rows of this run could not be stored. Evidence is stored again; rows lost before this: 3.")
