"""`consentry ca`, with the databases of browsers that this machine really has."""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy_addon.cli import main

Run = Callable[..., tuple[object, str]]
needs_certutil = pytest.mark.skipif(
    shutil.which("certutil") is None, reason="certutil (libnss3-tools) is not installed"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(home: Path, confdir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["consentry", "ca", *args, "--confdir", str(confdir)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return ended.value.code, out + err

    return run


def database(home: Path) -> str:
    return subprocess.run(
        ["certutil", "-d", f"sql:{home}/.pki/nssdb", "-L"], check=True, capture_output=True, text=True
    ).stdout


def test_the_certificate_is_shown_with_its_fingerprint(run: Run, confdir: Path) -> None:
    code, said = run("show", "--json")
    assert code == 0
    told = json.loads(said)
    der = ssl.PEM_cert_to_DER_cert((confdir / "mitmproxy-ca-cert.pem").read_text())
    assert told["sha256"].replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert "browser" in [each["which"] for each in told["stores"]]


@needs_certutil
def test_a_dry_run_says_what_it_would_do_and_does_nothing(run: Run, home: Path) -> None:
    code, said = run("install", "--only", "browser", "--dry-run")
    assert code == 0
    assert "certutil -d sql:" in said
    assert not (home / ".pki").exists()


@needs_certutil
def test_it_is_installed_and_removed_again(run: Run, home: Path) -> None:
    code, said = run("install", "--only", "browser", "--yes")
    assert (code, "Done." in said) == (0, True)
    # Whatever is done is said before.
    assert said.index("certutil -d sql:") < said.index("Done.")
    assert "Consentry" in database(home)
    assert run("remove", "--only", "browser", "--yes")[0] == 0
    assert "Consentry" not in database(home)


@needs_certutil
def test_without_a_yes_nothing_is_done(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", lambda _: False)
    assert run("install", "--only", "browser")[0] == 0
    assert not (home / ".pki").exists()


@needs_certutil
def test_what_fails_is_told_and_the_exit_code_is_2(run: Run, home: Path) -> None:
    (home / ".pki").write_text("a file where a folder should be")
    code, said = run("install", "--only", "browser", "--yes")
    assert code == 2
    assert "it could not be done in Chromium" in said


def test_where_nothing_can_be_changed_one_sentence_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    code, said = run("install", "--only", "browser", "--yes")
    assert code == 2
    assert "docs/filter.md" in said
