"""Consent in tests: `from proxy_addon.testing import assert_only, assert_ran, assert_silent`.

The fixtures `consentry_proxy`, `consentry_page` and `consent` come with the pytest plugin (plugin.py).
"""

from .assertions import assert_only, assert_ran, assert_silent
from .watch import Ran, Watch, watched

__all__ = ["Ran", "Watch", "assert_only", "assert_ran", "assert_silent", "watched"]
