"""Chromium on this machine: where it is, and how it is told to trust our authority and nothing else more."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# What mitmproxy calls the certificate of its authority.
AUTHORITY = "mitmproxy-ca-cert.pem"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MACOS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Chromium\Application\chrome.exe")
_WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
# What a browser that is looked at closely does without: requests of its own, and UDP past the proxy.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def executable(environment: Mapping[str, str] = os.environ, system: str = sys.platform) -> str | None:
    """The path of $CHROMIUM, or of a Chromium or Chrome where they usually are; None if there is none."""
    if named := environment.get("CHROMIUM"):
        return shutil.which(named) or named
    found = next(filter(None, (shutil.which(name, path=environment.get("PATH")) for name in _NAMES)), None)
    if found is not None:
        return found
    usual: list[Path] = []
    if system == "darwin":
        usual = [folder / each for folder in (Path("/Applications"), Path.home() / "Applications") for each in _MACOS]
    elif system == "win32":
        folders = [environment[name] for name in _WINDOWS_FOLDERS if name in environment]
        usual = [Path(folder) / each for folder in folders for each in _WINDOWS]
    return next((str(each) for each in usual if each.is_file()), None)


def trusting(confdir: Path) -> str:
    """The argument that lets Chromium trust what the authority kept in a folder signs, in one profile only."""
    return f"--ignore-certificate-errors-spki-list={fingerprint(confdir / AUTHORITY)}"


def fingerprint(certificate: Path) -> str:
    """What Chromium knows a certificate's key by: the SHA-256 of its SubjectPublicKeyInfo, in base64."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()
