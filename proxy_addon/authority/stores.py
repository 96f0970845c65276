"""Where each system and browser keeps the authorities that it trusts, and the commands that change that. Pure.

Nothing is run here: what is planned can be shown before it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# The name under which stores show the authority.
NAME = "Consentry"
_FILE = "consentry.crt"


@dataclass(frozen=True, slots=True)
class Step:
    """One command, what it is for in words, and whether it needs an administrator."""

    what: str
    command: tuple[str, ...]
    root: bool = False


@dataclass(frozen=True, slots=True)
class Store:
    """One place where trust is kept: `which` is system or browser. `lacks` says what must be installed first, or ''."""

    which: str
    name: str
    install: tuple[Step, ...]
    remove: tuple[Step, ...]
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the plan depends on: sys.platform, the user's home, and what programs and folders there are."""

    platform: str
    home: Path
    has: Callable[[str], bool]
    root: Path = Path("/")


def stores(machine: Machine, certificate: Path) -> list[Store]:
    """The stores of a machine, the system's first."""
    if machine.platform == "darwin":
        return [_macos(machine, certificate), *_databases(machine, certificate)]
    if machine.platform == "win32":
        return [_windows(certificate), *_databases(machine, certificate)]
    return [*_linux(machine, certificate), *_databases(machine, certificate)]


def _linux(machine: Machine, certificate: Path) -> Iterator[Store]:
    """The system's own store, by the way of the distribution."""
    for tool, folder, update, refresh in (
        ("update-ca-certificates", "usr/local/share/ca-certificates", ("update-ca-certificates",), ("--fresh",)),
        ("update-ca-trust", "etc/pki/ca-trust/source/anchors", ("update-ca-trust",), ()),
        ("trust", "etc/ca-certificates/trust-source/anchors", ("trust", "extract-compat"), ()),
    ):
        place = machine.root / folder
        if machine.has(tool) and place.is_dir():
            target = str(place / _FILE)
            yield Store(
                "system",
                "the system's store, which most programs but browsers use",
                (
                    Step("Copy the certificate into the system's folder.", ("cp", str(certificate), target), root=True),
                    Step("Let the system read that folder anew.", update, root=True),
                ),
                (
                    Step("Take the certificate out of the system's folder.", ("rm", "-f", target), root=True),
                    Step("Let the system read that folder anew.", (*update, *refresh), root=True),
                ),
            )
            return


def _macos(machine: Machine, certificate: Path) -> Store:
    keychain = str(machine.home / "Library/Keychains/login.keychain-db")
    return Store(
        "system",
        "your login keychain, which Safari, Chrome and most programs use",
        (
            Step(
                "Trust the certificate for this user. macOS asks for your password.",
                ("security", "add-trusted-cert", "-r", "trustRoot", "-k", keychain, str(certificate)),
            ),
        ),
        (
            Step("Trust it no longer.", ("security", "remove-trusted-cert", str(certificate))),
            Step("Take it out of the keychain.", ("security", "delete-certificate", "-c", "mitmproxy", keychain)),
        ),
    )


def _windows(certificate: Path) -> Store:
    return Store(
        "system",
        "this user's store, which Edge, Chrome and most programs use",
        (
            Step(
                "Trust the certificate for this user. Windows asks whether you are sure.",
                ("certutil", "-user", "-addstore", "Root", str(certificate)),
            ),
        ),
        (Step("Trust it no longer.", ("certutil", "-user", "-delstore", "Root", "mitmproxy")),),
    )


def _databases(machine: Machine, certificate: Path) -> Iterator[Store]:
    """The databases (NSS) of browsers that do not ask the system."""
    # On Windows another program has this name.
    lacks = "" if machine.platform != "win32" and machine.has("certutil") else "certutil of NSS"
    if machine.platform.startswith("linux"):
        lacks = lacks and "certutil (on Debian and Ubuntu: apt install libnss3-tools; on Fedora: dnf install nss-tools)"
        chromium = machine.home / ".pki/nssdb"
        create = () if (chromium / "cert9.db").is_file() else _new_database(chromium)
        yield _database("Chromium, Chrome, Edge and Brave", chromium, certificate, lacks, create)
    for profile in _profiles(machine):
        yield _database(f"Firefox, profile {profile.name}", profile, certificate, lacks, ())


def _database(browser: str, folder: Path, certificate: Path, lacks: str, create: tuple[Step, ...]) -> Store:
    database = f"sql:{folder}"
    return Store(
        "browser",
        browser,
        (
            *create,
            Step(
                f"Trust the certificate in {folder}.",
                ("certutil", "-d", database, "-A", "-t", "C,,", "-n", NAME, "-i", str(certificate)),
            ),
        ),
        (Step(f"Trust it no longer in {folder}.", ("certutil", "-d", database, "-D", "-n", NAME)),),
        lacks,
    )


def _new_database(folder: Path) -> tuple[Step, ...]:
    return (
        Step("Make the folder of the database.", ("mkdir", "-p", str(folder))),
        Step(f"Make the database {folder}.", ("certutil", "-d", f"sql:{folder}", "-N", "--empty-password")),
    )


def _profiles(machine: Machine) -> Iterable[Path]:
    places = (
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
        "AppData/Roaming/Mozilla/Firefox/Profiles",
    )
    found = (path.parent for place in places for path in (machine.home / place).glob("*/cert9.db"))
    return sorted(found)
