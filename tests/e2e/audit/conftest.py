"""The command, run on a site of the fake network."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy_addon.audit.model import AuditResult, from_json
from tests.kit.certificates import Authority
from tests.kit.network import Network
from tests.kit.proxy import run

from .sites import SHOP, Planted

Command = Callable[..., subprocess.CompletedProcess[str]]
Audit = Callable[..., AuditResult]


@pytest.fixture
def command(network: Network, authority: Authority, confdir: Path, tmp_path: Path) -> Command:
    """Runs `consentry audit` with these arguments, in a folder of its own."""

    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(
            *("audit", "--quiet-for", "0.5", "--confdir", str(confdir), "--upstream-ca", str(authority.pem)),
            *("--resolve", f"*:443:127.0.0.1:{network.secure.port}"),
            *arguments,
            folder=tmp_path,
            timeout=280,
        )

    return ran


@pytest.fixture
def audit(network: Network, command: Command) -> Audit:
    """Audits a site, and checks the exit code against the result."""

    def audited(planted: Planted, *options: str) -> AuditResult:
        planted.stand(network)
        screenshots = () if "--screenshots" in options else ("--no-screenshots",)
        done = command(SHOP, "--json", "--states", planted.states, *planted.options, *options, *screenshots)
        assert done.returncode in (0, 1), done.stderr
        result = from_json(done.stdout)
        assert done.returncode == bool(result.violations)
        return result

    return audited
