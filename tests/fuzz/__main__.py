"""`python -m tests.fuzz`: fuzz what reads consents, until the time is up or something fails.

With atheris installed (the extra `fuzz`) the coverage of the code guides it; without, or with --plain, known values
are changed at random. Either way an input that fails is kept in a file, and named.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from .seeds import mutated, seeds
from .targets import TARGETS, counted


@click.command()
@click.option("--seconds", default=60, show_default=True, help="How long.")
@click.option("--target", type=click.Choice([*TARGETS]), help="Only this one; else all in turn.")
@click.option("--plain", is_flag=True, help="Change values at random, though atheris is there.")
@click.option("--seed", default=0, show_default=True, help="Of the random changes.")
@click.option("--input", "kept", type=click.Path(path_type=Path), help="Run one file that was kept, and nothing else.")
def main(seconds: int, target: str | None, plain: bool, seed: int, kept: Path | None) -> None:
    """Fuzz everything that reads what anybody may send as a consent."""
    names = [target] if target else [*TARGETS]
    if kept is not None:
        for name in names:
            click.echo(f"{name}: {counted(TARGETS[name], kept.read_bytes())} steps")
        return
    if not plain and _atheris_is_there():
        _guided(names, seconds)
    else:
        _plain(names, seconds, seed)


def _atheris_is_there() -> bool:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


def _plain(names: Sequence[str], seconds: int, seed: int) -> None:
    chance = random.Random(seed)
    known = seeds()
    tries = dict.fromkeys(names, 0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name in names:
            data = mutated(chance.choice(known[name]), known[name], chance)
            tries[name] += 1
            try:
                counted(TARGETS[name], data)
            except Exception:
                place = Path(tempfile.mkdtemp(prefix="consentry-fuzz-")) / name
                place.write_bytes(data)
                click.echo(f"{name} failed: python -m tests.fuzz --target {name} --input {place}", err=True)
                raise
    click.echo(", ".join(f"{name}: {count}" for name, count in tries.items()) + " inputs, none failed")


def _guided(names: Sequence[str], seconds: int) -> None:
    """Let libFuzzer search. It ends the process itself, with 77 or another code where something failed."""
    import atheris

    # What was imported before is not instrumented: it is read anew.
    for module in [each for each in sys.modules if each.startswith(("proxy_addon", "tests.fuzz.targets"))]:
        del sys.modules[module]
    with atheris.instrument_imports(include=["proxy_addon"]):
        instrumented = importlib.import_module("tests.fuzz.targets")

    folder = Path(tempfile.mkdtemp(prefix="consentry-fuzz-"))
    known = seeds()
    for index, name in enumerate(names):
        for number, data in enumerate(known[name]):
            (folder / f"{name}-{number}").write_bytes(bytes([index]) + data)
    targets: list[Callable[[bytes], None]] = [instrumented.TARGETS[name] for name in names]

    def one(data: bytes) -> None:
        if data:
            targets[data[0] % len(targets)](data[1:])

    options = [f"-max_total_time={seconds}", "-max_len=80000", "-timeout=20", f"-artifact_prefix={folder}/failed-"]
    atheris.Setup([sys.argv[0], *options, str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
