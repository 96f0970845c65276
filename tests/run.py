"""Runs every check on a bare machine: `python3 tests/run.py`.

Makes a virtual environment for the oldest and the newest suitable Python it finds, installs what is missing
(Chromium, npm, PostgreSQL and Redis by apt-get where this user may), and runs ruff, mypy and pytest. The end-to-end
tests, which take longest, and what no version of Python changes run once, on the newest. Arguments go to pytest:
`python3 tests/run.py -k segment`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".tests"
OLDEST, NEWEST = (3, 11), (3, 14)
# pytest's exit codes.
SOME_FAILED, NOTHING_FOUND = 1, 5
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def run(*command: str | Path) -> None:
    """Run a command and end with its exit code if it fails."""
    if code := tried(*command):
        sys.exit(code)


def tried(*command: str | Path) -> int:
    """Run a command; its exit code."""
    print("+", *command, flush=True)
    return subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode


def run_tests(programs: Path, *arguments: str, at_once: int, together: tuple[str, ...] = ()) -> bool:
    """Run pytest, `at_once` tests at a time and with our arguments; whether it found any. Ends if one fails.

    What fails beside others has another try, and a last one, alone: a browser on a busy machine may miss a moment.
    Reruns on the spot would cost each test the time of some: their bookkeeping goes from process to process.
    """
    many = ("-n", str(at_once), *together)
    pytest = (str(programs / "python"), "-m", "pytest", "-q", *arguments)
    code = tried(*pytest, *many, *sys.argv[1:])
    if code == SOME_FAILED:
        code = tried(*pytest, "--last-failed", "--last-failed-no-failures", "none", "--reruns", "1", *sys.argv[1:])
    if code not in (0, NOTHING_FOUND):
        sys.exit(code)
    return code == 0


def version_of(python: str) -> tuple[int, int] | None:
    """The version of an interpreter, or None if it cannot make virtual environments."""
    probe = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    try:
        said = subprocess.run([python, "-c", probe], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return None
    return (int(said.stdout.split()[0]), int(said.stdout.split()[1])) if said.returncode == 0 else None


def pythons() -> list[tuple[tuple[int, int], str]]:
    """The oldest and the newest suitable interpreters of this machine."""
    candidates = [sys.executable]
    candidates += [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1) if shutil.which(f"python3.{minor}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path) for path in sorted(pyenv.glob("3.*/bin/python3"))]
    found: dict[tuple[int, int], str] = {}
    for candidate in candidates:
        version = version_of(candidate)
        if version is not None and OLDEST <= version <= NEWEST:
            found.setdefault(version, candidate)
    if not found:
        sys.exit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, with venv.")
    ordered = sorted(found.items())
    return [ordered[0]] if len(ordered) == 1 else [ordered[0], ordered[-1]]


def install_system() -> None:
    """Chromium drives the end-to-end tests, npm fetches the vendors' real code for them, PostgreSQL keeps a ledger."""
    missing = []
    if "CHROMIUM" not in os.environ and not any(shutil.which(name) for name in BROWSERS):
        missing.append("chromium")
    if not shutil.which("npm"):
        missing.append("npm")
    may = bool(shutil.which("apt-get")) and os.geteuid() == 0
    # Tests of a ledger in PostgreSQL are left out where there is none.
    if may and not shutil.which("initdb") and not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        missing.append("postgresql")
    # So are those of a state that is shared.
    if may and not (shutil.which("redis-server") or shutil.which("valkey-server")):
        missing.append("redis-server")
    # The test of Selenium is left out where there is no driver for it.
    if may and not shutil.which("chromedriver"):
        missing.append("chromium-driver")
    if not missing:
        return
    if not may:
        sys.exit(f"Please install {' and '.join(missing)}; the end-to-end tests need it.")
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def environment(version: tuple[int, int], python: str) -> Path:
    """A virtual environment with Consentry and what its tests need; returns its folder of programs."""
    folder = WORK / f"venv-{version[0]}.{version[1]}"
    if not (folder / "bin" / "python").exists():
        run(python, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", ".[dev,bench]")
    return folder / "bin"


def main() -> None:
    """Run it all."""
    install_system()
    chosen = pythons()
    programs = [environment(version, python) for version, python in chosen]
    newest = programs[-1]
    run(newest / "ruff", "check", ".")
    run(newest / "ruff", "format", "--check", ".")
    run(newest / "mypy")
    cores = os.cpu_count() or 1
    found = [run_tests(each, "-m", "not e2e and not once", at_once=min(4, cores)) for each in programs[:-1]]
    found.append(run_tests(newest, "-m", "not e2e", at_once=min(4, cores)))
    # Tests of one file share a site and a proxy; and browsers wait as long as they work.
    by_file = ("--dist", "loadfile", "--no-loadscope-reorder")
    found.append(run_tests(newest, "-m", "e2e", at_once=min(8, 2 * cores), together=by_file))
    if not any(found):
        sys.exit(NOTHING_FOUND)


if __name__ == "__main__":
    main()
