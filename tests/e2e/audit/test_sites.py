"""An audit of sites whose faults are known finds exactly these: no more, and no fewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from proxy_addon.audit.model import AuditResult, from_json
from tests.kit.certificates import Authority
from tests.kit.messages import Request, Response
from tests.kit.network import Network
from tests.kit.proxy import run

from .sites import SERVES, SHOP, SITES, Planted, document

pytestmark = pytest.mark.e2e


@pytest.fixture
def audit(network: Network, authority: Authority, confdir: Path, tmp_path: Path) -> Callable[[Planted], AuditResult]:
    """Runs the command on a site, and checks its exit code against its result."""

    def audited(planted: Planted, *options: str) -> AuditResult:
        network.host("shop.example", planted.build())
        network.serve(SERVES)
        for host, body in planted.hosts.items():
            network.host(host, _page(body))
        done = run(
            *("audit", SHOP, "--json", "--states", planted.states, "--quiet-for", "0.5", "--no-screenshots"),
            *("--confdir", str(confdir), "--upstream-ca", str(authority.pem)),
            *("--resolve", f"*:443:127.0.0.1:{network.secure.port}"),
            *planted.options,
            *options,
            folder=tmp_path,
            timeout=240,
        )
        assert done.returncode in (0, 1), done.stderr
        result = from_json(done.stdout)
        assert done.returncode == bool(result.violations)
        return result

    return audited


@pytest.mark.parametrize("planted", SITES, ids=lambda planted: planted.name.replace(" ", "-"))
def test_exactly_what_was_planted_is_found(planted: Planted, audit: Callable[[Planted], AuditResult]) -> None:
    result = audit(planted)
    assert {(each.kind, each.vendor, each.state) for each in result.findings} == planted.truth, result.to_json()


def _page(body: str) -> Callable[[Request], Response]:
    return lambda _: Response(document(body), [("content-type", "text/html; charset=utf-8")])
