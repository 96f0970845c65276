"""Names for visitors that nobody can be found by."""

from __future__ import annotations

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proxy_addon.ledger.visitor import Pseudonyms, installation_salt

ADDRESS, AGENT, SITE = "203.0.113.7", "Browser/1", "shop.test"


def test_a_visitor_has_one_name_on_one_site_and_another_elsewhere() -> None:
    named = Pseudonyms(b"salt")
    name = named.of(ADDRESS, AGENT, SITE)
    assert re.fullmatch(r"[0-9a-f]{16}", name)
    assert name == Pseudonyms(b"salt").of(ADDRESS, AGENT, SITE)
    others = [("203.0.113.8", AGENT, SITE), (ADDRESS, "Browser/2", SITE), (ADDRESS, AGENT, "blog.test")]
    assert len({name, *(named.of(*other) for other in others)}) == 4


def test_without_the_salt_the_name_says_nothing() -> None:
    assert Pseudonyms(b"salt").of(ADDRESS, AGENT, SITE) != Pseudonyms(b"pepper").of(ADDRESS, AGENT, SITE)


def test_what_one_part_ends_with_is_no_beginning_of_the_next() -> None:
    named = Pseudonyms(b"salt")
    assert named.of("a", "bc", SITE) != named.of("ab", "c", SITE)


def test_an_agent_that_is_no_text_is_named_too() -> None:
    assert Pseudonyms(b"salt").of(ADDRESS, "\udcff\0", SITE)


def test_the_salt_is_kept_and_is_the_users_alone(tmp_path: Path) -> None:
    salt = installation_salt(tmp_path / "state")
    assert len(salt) == 32
    assert installation_salt(tmp_path / "state") == salt
    [file] = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_those_who_start_together_have_one_salt(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        salts = set(pool.map(lambda _: installation_salt(tmp_path), range(32)))
    assert len(salts) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_salt_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    installation_salt(tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(b"short")
    assert installation_salt(tmp_path) == installation_salt(tmp_path) == file.read_bytes()


def test_a_salt_that_cannot_be_kept_is_for_this_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert len(installation_salt(tmp_path / "file")) == 32


def test_without_hard_links_the_salt_is_kept_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    assert installation_salt(tmp_path) == installation_salt(tmp_path)
