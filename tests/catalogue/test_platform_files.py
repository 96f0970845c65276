"""Platform files are loaded, checked, overridden and cached as vendor files are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy_addon.catalogue.load import load_rules
from proxy_addon.catalogue.yamlfile import RulesError

from ..small import ship, write

BANNER = """\
platform: banner
name: Banner
website: https://banner.test
sure: source
readable: cookie
recognise:
  cookies: [banner]
places:
  - cookie: banner
    decode: [json]
    answers: [{each: ""}]
categories:
  stats: analytics
vendors:
  acme: acme
sources: [These tests.]
examples:
  - {what: accepted, cookies: 'banner={"stats":true}', expect: {analytics: granted}, source: Made.}
  - {what: refused, cookies: 'banner={"stats":false}', expect: {analytics: denied}, source: Made.}
  - {what: a bit, cookies: 'banner={"stats":true}', expect: {analytics: granted}, source: Made.}
  - {what: nothing yet, cookies: 'banner={}', expect: {}, source: Made.}
"""


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = ship(tmp_path / "shipped", monkeypatch)
    write(folder, "platforms/banner.yaml", BANNER)
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine"


def platforms(*folders: Path, cache: Path | None = None) -> dict[str, Any]:
    return {each["platform"]: each for each in load_rules(folders, cache).platforms["platforms"]}


def test_a_platform_file_arrives_as_plain_data() -> None:
    banner = platforms()["banner"]
    assert (banner["name"], banner["categories"], banner["sure"]) == ("Banner", {"stats": "analytics"}, "source")


def test_a_folder_of_platforms_alone_is_a_rules_folder(mine: Path) -> None:
    write(mine, "platforms/other.yaml", BANNER.replace("platform: banner", "platform: other"))
    assert set(platforms(mine)) == {"banner", "other"}


def test_a_file_of_the_same_name_overrides_a_platform_wholly(mine: Path) -> None:
    write(mine, "platforms/banner.yaml", BANNER.replace("stats: analytics", "counts: marketing"))
    assert platforms(mine)["banner"]["categories"] == {"counts": "marketing"}


MISTAKES = [
    ("an unknown word", "sure: source", "shure: source", "'shure' is not known here", "did you mean 'sure'?"),
    ("an unknown certainty", "sure: source", "sure: sauce", "'sure' is 'sauce'", "did you mean 'source'?"),
    ("an unknown category", "stats: analytics", "stats: analytic", "'stats' does not fit", "correct it there"),
    ("an unknown vendor", "  acme: acme", "  acme: acne", "there is no vendor 'acne'", "did you mean 'acme'?"),
    (
        "another name than its file",
        "platform: banner",
        "platform: baner",
        "the platform 'baner' stands in a file named 'banner.yaml'",
        "rename the file to baner.yaml",
    ),
    ("two stars in a name", "cookies: [banner]", 'cookies: ["*a*"]', "which does not fit", "the form is"),
    ("doubts left out", "sure: source", "sure: unsure", "the file has no 'doubts'", "add 'doubts:'"),
]


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"), [each[1:] for each in MISTAKES], ids=[each[0] for each in MISTAKES]
)
def test_a_mistake_names_file_line_what_and_remedy(mine: Path, old: str, new: str, what: str, remedy: str) -> None:
    assert BANNER.count(old) == 1
    path = write(mine, "platforms/banner.yaml", BANNER.replace(old, new))
    with pytest.raises(RulesError) as caught:
        load_rules([mine])
    assert caught.value.path == path
    assert caught.value.line
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_the_cache_gives_the_same_platforms_as_the_files(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = platforms(cache=cache)
    assert platforms(cache=cache) == first


@pytest.mark.parametrize("name", ["platforms/banner.yaml", "platform.schema.json"])
def test_a_changed_byte_of_a_platform_file_makes_a_new_cached_form(tmp_path: Path, shipped: Path, name: str) -> None:
    cache = tmp_path / "cache"
    load_rules(cache=cache)
    path = shipped / name
    path.write_bytes(path.read_bytes() + b"\n")
    load_rules(cache=cache)
    assert len(list(cache.glob("catalogue-*.index"))) == 2
