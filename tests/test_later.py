"""Commands that are loaded when they are called are there all the same, and cost the others nothing."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from proxy_addon.cli import cli, vendors
from proxy_addon.later import LaterGroup

_GROUPS = [cli, vendors]


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in _GROUPS for name in getattr(group, "later", ())], ids=str
)
def test_a_command_that_is_only_named_is_found_under_its_name(group: LaterGroup, name: str) -> None:
    context = click.Context(group)
    assert group.has(name)
    assert name in group.list_commands(context)
    found = group.get_command(context, name)
    assert found is not None
    assert found.name == name
    assert found.get_short_help_str()


def test_what_is_not_named_is_no_command() -> None:
    assert isinstance(cli, LaterGroup)
    assert not cli.has("nothing")
    assert cli.get_command(click.Context(cli), "nothing") is None
    assert cli.has("reverse")


def test_what_other_commands_need_is_not_loaded() -> None:
    others = ["proxy_addon.audit.command", "proxy_addon.envoy.command", "dns", "jinja2", "jsonschema", "sqlalchemy"]
    code = f"import sys, proxy_addon.cli; print([name for name in {others} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
