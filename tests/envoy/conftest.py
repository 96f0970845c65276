"""Consentry behind Envoy, in front of a site of the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit import reverse
from tests.kit.proxy import ENVOY, behind

pytest.importorskip("envoy", reason="the extra 'envoy' is not installed: its packages have no wheels for here")

site, upstream, folder, proxy = reverse.site, reverse.upstream, reverse.folder, reverse.proxy


@pytest.fixture(scope="module")
def adapter() -> Iterator[str]:
    """Envoy."""
    with behind(ENVOY):
        yield ENVOY
