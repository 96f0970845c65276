"""Groups of commands that are loaded when they are called: what one needs, the others need not wait for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click


class LaterGroup(click.Group):
    """A group some of whose commands are named only."""

    # By the command's name, its module below this package and its name there.
    later: Mapping[str, tuple[str, str]] = {}

    def has(self, name: str) -> bool:
        """Whether there is a command of this name."""
        return name in self.commands or name in self.later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click.Group."""
        return sorted({*super().list_commands(ctx), *self.later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click.Group."""
        if cmd_name not in self.commands and cmd_name in self.later:
            module, name = self.later[cmd_name]
            self.add_command(getattr(import_module(module, __package__), name), cmd_name)
        return super().get_command(ctx, cmd_name)
