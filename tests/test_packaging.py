"""What is installed is whole: the steps of the Dockerfile, taken without an engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
pytestmark = pytest.mark.e2e


def instructions(name: str) -> list[str]:
    """The arguments of every instruction of one name, continuation lines joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the build stage makes, from only what .dockerignore lets into the context."""
    context = tmp_path_factory.mktemp("context")
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    for copied in instructions("COPY")[:-1]:
        for source in copied.split()[:-1]:
            assert source in allowed, f"{source} is not in the build context"
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, context / source, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, context)
    folder = tmp_path_factory.mktemp("opt") / "consentry"
    for step in instructions("RUN")[0].split("&&"):
        words = [word.replace("/opt/consentry", str(folder)) for word in shlex.split(step)]
        words[0] = sys.executable if words[0] == "python" else words[0]
        subprocess.run(words, cwd=context, check=True, capture_output=True)
    return folder


def consentry(installed: Path, *arguments: str) -> str:
    done = subprocess.run(
        [installed / "bin" / "consentry", *arguments], capture_output=True, text=True, cwd=installed, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_command_carries_its_rules(installed: Path) -> None:
    url = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
    assert json.loads(consentry(installed, "explain", url, "--json"))["vendor"] == "segment"
    assert "Segment.io" in consentry(installed, "vendors")


def test_the_installed_proxy_starts_and_the_health_check_passes(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = dict(re.findall(r"(CONSENTRY_\w+)=(\S+)", " ".join(instructions("ENV"))))
    settings = {**settings, "CONSENTRY_CONFDIR": str(tmp_path / "ca"), "CONSENTRY_LISTEN": f"0.0.0.0:{port}"}
    process = subprocess.Popen(
        [installed / "bin" / "consentry", "demo", "--json"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "listening"
        check = json.loads(instructions("HEALTHCHECK")[0].partition("CMD ")[2])[2].replace("8080", str(port))
        assert subprocess.run([installed / "bin" / "python", "-c", check], check=False).returncode == 0
    finally:
        process.terminate()
        process.wait(20)


def test_the_image_runs_without_root_and_keeps_its_authority_on_a_volume() -> None:
    assert instructions("USER") == ["consentry"]
    assert instructions("VOLUME") == ["/ca"]
    assert "CONSENTRY_CONFDIR=/ca" in " ".join(instructions("ENV"))
