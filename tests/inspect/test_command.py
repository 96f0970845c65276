"""`consentry inspect` as a user meets it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy_addon.cli import cli
from proxy_addon.config import UsageError

PAGE = "<!doctype html>\n<script src='https://static.hotjar.com/c/hotjar-1.js'></script>\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["inspect", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    return path


def test_a_page_is_told_line_by_line(page: Path) -> None:
    result = run(page)
    assert result.return_value == 0
    assert result.output.splitlines() == [
        str(page),
        "  2:1  held  hotjar  analytics  script  https://static.hotjar.com/c/hotjar-1.js",
        "      hotjar-script  script",
        "1 file: 1 thing of 1 vendor; 1 would be held",
    ]


def test_the_base_may_lack_its_scheme(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<script src='/c/hotjar-1.js'></script>")
    assert json.loads(run(path, "--base", "static.hotjar.com", "--json").output)["page"] == "https://static.hotjar.com"


@pytest.mark.parametrize("base", ["", "ftp://example.com", "https://[::1"])
def test_a_base_that_is_no_web_url_is_one_sentence(page: Path, base: str) -> None:
    error = run(page, "--base", base).exception
    assert isinstance(error, UsageError)
    assert "write --base whole" in str(error)


def test_check_fails_while_something_would_be_held(page: Path) -> None:
    assert run(page, "--check").return_value == 1
    assert run(page, "--check", "--consent", "analytics").return_value == 0
    assert run(page, "--check", "--regime", "ccpa").return_value == 0


def test_a_folder_is_looked_through(page: Path) -> None:
    deeper = page.parent / "more"
    deeper.mkdir()
    (deeper / "b.HTM").write_text("<p>nothing")
    (deeper / "notes.txt").write_text(PAGE)
    lines = [json.loads(line) for line in run(page.parent, "--json").output.splitlines()]
    assert [(Path(each["source"]).name, len(each["sightings"])) for each in lines] == [("b.HTM", 0), ("page.html", 1)]


def test_a_name_that_would_steer_the_terminal_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("<div id='\x1b[2J'><script src='https://static.hotjar.com/c/hotjar-1.js?\x1b[31m'></script>")
    assert "\x1b" not in run(path).output


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.html", None, "There is no file"),
        ("picture.html", b"\x89PNG\r\n\0\0", "is no page and no script: it holds binary data"),
        ("broken.har", b"{", "is no HAR"),
        ("folder", b"", "There is no page"),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_a_sentence(
    name: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    if name == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    error = run(tmp_path / name).exception
    assert isinstance(error, UsageError)
    assert words in str(error)


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/page")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("content-type", "image/png" if self.path == "/picture" else "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_is_fetched_and_redirects_are_followed(site: str) -> None:
    (said,) = run(f"{site}/moved", "--json").output.splitlines()
    assert json.loads(said)["page"] == f"{site}/page"
    assert [each["vendor"] for each in json.loads(said)["sightings"]] == ["hotjar"]


@pytest.mark.parametrize(("path", "words"), [("/gone", "answers 404"), ("/picture", "its type is image/png")])
def test_an_address_that_is_no_page_is_said_to_be_none(path: str, words: str, site: str) -> None:
    error = run(f"{site}{path}").exception
    assert isinstance(error, UsageError)
    assert words in str(error)


def test_a_site_that_is_not_there_is_said_not_to_be() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = run(f"http://127.0.0.1:{free.getsockname()[1]}/").exception
    assert isinstance(error, UsageError)
    assert "cannot be fetched" in str(error)


def test_what_a_server_says_does_not_steer_the_terminal() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(418, "\x1b[2Jteapot")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        said = str(run(f"http://127.0.0.1:{server.server_port}/").exception)
    finally:
        server.shutdown()
        server.server_close()
    assert "teapot" in said
    assert "\x1b" not in said
