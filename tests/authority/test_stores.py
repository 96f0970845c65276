"""What would be done on each system, without doing it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from proxy_addon.authority.stores import Machine, Store, stores

CERTIFICATE = Path("/confdir/mitmproxy-ca-cert.pem")


def machine(platform: str, root: Path, programs: Collection[str] = (), folders: Collection[str] = ()) -> Machine:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    return Machine(platform, root / "home/me", set(programs).__contains__, root)


def commands(store: Store) -> list[str]:
    return [" ".join(step.command) for step in (*store.install, *store.remove)]


@pytest.mark.parametrize(
    ("tool", "folder", "refresh"),
    [
        ("update-ca-certificates", "usr/local/share/ca-certificates", "update-ca-certificates --fresh"),
        ("update-ca-trust", "etc/pki/ca-trust/source/anchors", "update-ca-trust"),
        ("trust", "etc/ca-certificates/trust-source/anchors", "trust extract-compat"),
    ],
)
def test_a_linux_gets_it_by_the_way_of_its_distribution(tmp_path: Path, tool: str, folder: str, refresh: str) -> None:
    system, _ = stores(machine("linux", tmp_path, {tool}, {folder}), CERTIFICATE)
    target = tmp_path / folder / "consentry.crt"
    assert commands(system)[0] == f"cp {CERTIFICATE} {target}"
    assert commands(system)[2:] == [f"rm -f {target}", refresh]
    assert all(step.root for step in (*system.install, *system.remove))


def test_a_linux_of_an_unknown_kind_has_no_store_of_the_system(tmp_path: Path) -> None:
    assert [each.which for each in stores(machine("linux", tmp_path, {"trust"}), CERTIFICATE)] == ["browser"]


def test_chromiums_database_is_made_if_there_is_none(tmp_path: Path) -> None:
    here = machine("linux", tmp_path, {"certutil"})
    (chromium,) = stores(here, CERTIFICATE)
    assert [step.command[0] for step in chromium.install] == ["mkdir", "certutil", "certutil"]
    (here.home / ".pki/nssdb").mkdir(parents=True)
    (here.home / ".pki/nssdb/cert9.db").touch()
    (chromium,) = stores(here, CERTIFICATE)
    assert commands(chromium) == [
        f"certutil -d sql:{here.home}/.pki/nssdb -A -t C,, -n Consentry -i {CERTIFICATE}",
        f"certutil -d sql:{here.home}/.pki/nssdb -D -n Consentry",
    ]
    assert chromium.lacks == ""


def test_without_certutil_a_browser_says_what_it_needs(tmp_path: Path) -> None:
    (chromium,) = stores(machine("linux", tmp_path), CERTIFICATE)
    assert "libnss3-tools" in chromium.lacks


@pytest.mark.parametrize(
    "place",
    [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox", ".var/app/org.mozilla.firefox/.mozilla/firefox"],
)
def test_every_profile_of_firefox_is_found(tmp_path: Path, place: str) -> None:
    here = machine("linux", tmp_path, {"certutil"})
    for name in ("a.default", "b.work"):
        (here.home / place / name).mkdir(parents=True)
        (here.home / place / name / "cert9.db").touch()
    found = stores(here, CERTIFICATE)
    assert [each.name for each in found[1:]] == ["Firefox, profile a.default", "Firefox, profile b.work"]


def test_a_mac_keeps_it_in_the_login_keychain_without_an_administrator(tmp_path: Path) -> None:
    (system,) = stores(machine("darwin", tmp_path), CERTIFICATE)
    assert commands(system)[0].startswith("security add-trusted-cert -r trustRoot -k ")
    assert not any(step.root for step in (*system.install, *system.remove))


def test_windows_keeps_it_for_this_user(tmp_path: Path) -> None:
    (system,) = stores(machine("win32", tmp_path, {"certutil"}), CERTIFICATE)
    assert commands(system) == [
        f"certutil -user -addstore Root {CERTIFICATE}",
        "certutil -user -delstore Root mitmproxy",
    ]


def test_the_certutil_of_windows_is_not_that_of_a_browser(tmp_path: Path) -> None:
    here = machine("win32", tmp_path, {"certutil"})
    profile = here.home / "AppData/Roaming/Mozilla/Firefox/Profiles/a.default"
    profile.mkdir(parents=True)
    (profile / "cert9.db").touch()
    assert stores(here, CERTIFICATE)[1].lacks
