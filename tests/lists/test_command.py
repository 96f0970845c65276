"""`consentry rules`, against a server of our own."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from proxy_addon.cli import main
from proxy_addon.lists import fetch

from ..kit.messages import Request, Response
from ..kit.server import Server
from ..small import write
from .samples import ABP, DISCONNECT, HOSTS, radar


class Result(NamedTuple):
    code: object
    out: str
    err: str


Run = Callable[..., Result]


class Publisher:
    """Publishes one list, with validators, and remembers how it was asked for."""

    def __init__(self) -> None:
        self.text = ABP
        self.status = 200
        self.validates = True
        self.asked: list[dict[str, str]] = []
        self.statuses: list[int] = []

    def __call__(self, request: Request) -> Response:
        self.asked.append(dict(request.headers))
        response = self._answer(dict(request.headers))
        self.statuses.append(response.status)
        return response

    def _answer(self, fields: dict[str, str]) -> Response:
        if self.status != 200:
            return Response(status=self.status)
        tag = f'"{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"'
        if self.validates and fields.get("if-none-match") == tag:
            return Response(status=304)
        headers = (("etag", tag), ("last-modified", "Sat, 28 Nov 2026 10:00:00 GMT")) if self.validates else ()
        return Response(body=self.text.encode(), headers=(("content-type", "text/plain"), *headers))


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def url(publisher: Publisher) -> Iterator[str]:
    server = Server(publisher)
    yield f"{server.url}/small.txt"
    server.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of lists."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "consentry" / "lists"


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["consentry", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Result(ended.value.code, *capsys.readouterr())

    return run


def test_a_list_is_imported_from_a_url_and_kept_with_its_hash(run: Run, folder: Path, url: str) -> None:
    result = run("rules", "import", url, "--category", "analytics")
    assert result == (0, f"Imported small (abp, analytics): 2 domains and 10 filters, 2 left out; from {url}.\n", "")
    kept = json.loads((folder / "small.json").read_text())
    assert kept["origin"]["sha256"] == hashlib.sha256(ABP.encode()).hexdigest()
    assert kept["origin"]["etag"]


def test_a_user_and_a_password_are_sent_and_neither_kept_nor_shown(
    run: Run, folder: Path, url: str, publisher: Publisher
) -> None:
    result = run("rules", "import", url.replace("://", "://ann:s%40cret@"), "--category", "analytics")
    assert result == (0, f"Imported small (abp, analytics): 2 domains and 10 filters, 2 left out; from {url}.\n", "")
    said = base64.b64decode(publisher.asked[0]["authorization"].removeprefix("Basic "))
    assert said == b"ann:s@cret"
    kept = (folder / "small.json").read_text()
    assert (json.loads(kept)["origin"]["source"], "cret" in kept) == (url, False)


@pytest.mark.parametrize("status", [401, 404])
def test_an_address_that_is_refused_is_told_without_its_password(
    run: Run, url: str, publisher: Publisher, status: int
) -> None:
    publisher.status = status
    result = run("rules", "import", url.replace("://", "://ann:secret@"), "--category", "analytics")
    assert result.code == 2
    assert url in result.err
    assert ("are not kept" in result.err, "secret" in result.err) == (status == 401, False)


def test_a_user_is_not_told_to_where_an_address_leads(run: Run, url: str, publisher: Publisher) -> None:
    other = Server(lambda request: Response(status=302, headers=(("location", url),)))
    try:
        result = run(
            "rules", "import", f"{other.url}/list.txt".replace("://", "://ann:secret@"), "--category", "analytics"
        )
    finally:
        other.close()
    assert result.code == 0
    assert "authorization" not in publisher.asked[0]


def test_several_files_are_imported_at_once(run: Run, folder: Path, tmp_path: Path) -> None:
    first, second = write(tmp_path, "hosts.txt", HOSTS), write(tmp_path, "services.json", DISCONNECT)
    assert run("rules", "import", str(first), str(second), "--category", "marketing").code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["hosts.json", "services.json"]


def test_a_list_without_categories_must_be_given_one(run: Run, folder: Path, url: str) -> None:
    result = run("rules", "import", url)
    assert result.code == 2
    assert result.err == (
        f"Error: {url} does not say what its entries do; say which consent they need, as with --category analytics or "
        "--category marketing.\n"
    )
    assert not folder.exists()


def test_a_list_that_has_not_changed_is_not_sent_again(run: Run, url: str, publisher: Publisher) -> None:
    run("rules", "import", url, "--category", "analytics")
    assert run("rules", "update") == (0, "small has not changed.\n", "")
    assert publisher.statuses == [200, 304]


def test_a_list_without_validators_is_compared_by_its_hash(run: Run, url: str, publisher: Publisher) -> None:
    publisher.validates = False
    run("rules", "import", url, "--category", "analytics")
    assert run("rules", "update") == (0, "small has not changed.\n", "")
    assert publisher.statuses == [200, 200]


def test_a_list_that_has_changed_takes_the_place_of_the_old(run: Run, url: str, publisher: Publisher) -> None:
    run("rules", "import", url, "--category", "analytics")
    publisher.text += "||new.test^\n"
    result = run("rules", "update", "small")
    assert result.code == 0
    assert "3 domains and 11 filters" in result.out
    assert "; 2 domains and 10 filters before." in result.out
    assert json.loads(run("explain", "https://new.test/", "--list", "small", "--json").out)["verdict"] == "block"


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [(500, "", "answers with 500"), (200, "<html><body>Log in</body></html>", "is a web page"), (200, "", "nothing")],
)
def test_a_list_that_cannot_be_had_stays_as_it_is(
    run: Run, folder: Path, url: str, publisher: Publisher, *, status: int, text: str, why: str
) -> None:
    run("rules", "import", url, "--category", "analytics")
    before = (folder / "small.json").read_bytes()
    publisher.status, publisher.text = status, text
    result = run("rules", "update")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("small stays as it is: ")
    assert why in result.err
    assert (folder / "small.json").read_bytes() == before


def test_the_other_lists_are_updated_where_one_cannot_be_had(
    run: Run, tmp_path: Path, url: str, publisher: Publisher
) -> None:
    path = write(tmp_path, "hosts.txt", HOSTS)
    run("rules", "import", str(path), "--category", "analytics", "--name", "a-first")
    run("rules", "import", url, "--category", "analytics")
    path.unlink()
    publisher.text += "||new.test^\n"
    result = run("rules", "update")
    assert result.code == 2
    assert "a-first stays as it is" in result.err
    assert "Updated small" in result.out


def test_an_answer_that_is_too_large_is_refused(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES", 100)
    result = run("rules", "import", url, "--category", "analytics")
    assert result.code == 2
    assert "is larger than" in result.err


def test_an_answer_that_breaks_off_is_refused(run: Run) -> None:
    def broken() -> Iterator[bytes]:
        yield b"||a.test^\n"
        raise OSError

    server = Server(lambda _: Response(body=broken(), headers=(("content-length", "1000"),)))
    result = run("rules", "import", f"{server.url}/x.txt", "--category", "analytics")
    server.close()
    assert result.code == 2
    assert "x.txt" in result.err
    assert "try again" in result.err or "cannot be had" in result.err


@pytest.mark.parametrize("source", ["http://127.0.0.1:1/x.txt", "ftp://lists.test/x.txt", "nowhere.txt"])
def test_a_source_that_cannot_be_had_is_one_sentence(run: Run, source: str) -> None:
    result = run("rules", "import", source, "--category", "analytics")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("Error: ")


def test_the_lists_are_told(run: Run, url: str) -> None:
    assert run("rules", "list").out == "There are no lists yet; `consentry rules import` brings one.\n"
    run("rules", "import", url, "--category", "analytics")
    assert run("rules", "list").out.startswith("small (abp, analytics): 2 domains and 10 filters")
    (line,) = run("rules", "list", "--json").out.splitlines()
    told = json.loads(line)
    assert (told["list"], told["domains"], told["filters"], told["source"]) == ("small", 2, 10, url)


def test_a_list_is_named_by_explain_with_its_line(run: Run, url: str) -> None:
    run("rules", "import", url, "--category", "analytics")
    told = json.loads(run("explain", "https://whole.test/x.js", "--list", "small", "--json").out)
    assert (told["verdict"], told["vendor"], told["rule"]) == ("block", "small", "small:3")


def test_a_filter_is_named_by_explain_for_its_kind_and_page(run: Run, url: str) -> None:
    run("rules", "import", url, "--category", "analytics")
    asked = ("explain", "https://typed.test/x.js", "--list", "all", "--json", "--type")
    told = json.loads(run(*asked, "script").out)
    assert (told["verdict"], told["rule"], told["what"]) == (
        "block",
        "small:5",
        "||typed.test^$script, on the list Small List",
    )
    assert json.loads(run(*asked, "image").out)["verdict"] == "allow"


def test_what_is_granted_passes_a_list(run: Run, url: str) -> None:
    run("rules", "import", url, "--category", "analytics")
    told = json.loads(run("explain", "https://whole.test/", "--list", "small", "--json", "--consent", "analytics").out)
    assert told["verdict"] == "allow"


def test_without_the_option_no_list_counts(run: Run, url: str) -> None:
    run("rules", "import", url, "--category", "analytics")
    assert json.loads(run("explain", "https://whole.test/", "--json").out)["vendor"] is None


def test_a_list_in_a_folder_of_rules_counts_with_it(run: Run, tmp_path: Path, url: str) -> None:
    mine = tmp_path / "mine"
    run("rules", "import", url, "--category", "analytics", "--into", str(mine / "lists"))
    told = json.loads(run("explain", "https://whole.test/", "--rules", str(mine), "--json").out)
    assert told["rule"] == "small:3"


def test_domains_only_needs_no_engine(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adblock", None)
    run("rules", "import", url, "--category", "analytics")
    refused = run("explain", "https://whole.test/", "--list", "small")
    assert refused.code == 2
    assert "pip install 'consentry[lists]'" in refused.err
    run("rules", "import", url, "--category", "analytics", "--domains-only")
    assert run("explain", "https://whole.test/", "--list", "small").code == 0


def test_a_folder_of_tracker_radar_is_updated_from_its_files(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "radar/domains/US/adverts.test.json", radar("adverts.test", "Advertising"))
    run("rules", "import", str(tmp_path / "radar"))
    assert run("rules", "update").out == "radar has not changed.\n"
    write(tmp_path, "radar/domains/US/count.test.json", radar("count.test", "Analytics"))
    assert "2 domains" in run("rules", "update").out
    told = json.loads(run("explain", "https://count.test/", "--list", "radar", "--json").out)
    assert told["rule"] == "radar:domains/US/count.test.json"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"form": 0}', b'{"form": 1}', b"[]"])
def test_a_damaged_list_is_one_sentence(run: Run, folder: Path, content: bytes) -> None:
    write(folder, "broken.json", content)
    result = run("explain", "https://a.test/", "--list", "broken")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "broken.json" in result.err


def test_a_list_that_does_not_exist_is_one_sentence(run: Run) -> None:
    result = run("explain", "https://a.test/", "--list", "nothing")
    assert result.code == 2
    assert result.err == (
        "Error: There is no list 'nothing' (none was imported yet); get it with `consentry rules import`.\n"
    )
