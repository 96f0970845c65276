"""What happens when a processor is gone, hangs, or has too much to do: a page waits, and a file does not."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.client import TIMEOUT, Answer, fetch
from tests.kit.messages import Request, Response
from tests.kit.proxy import Proxy, children
from tests.kit.site import Site

SCRIPT = "https://cdn.segment.com/analytics.js/v1/KEY/analytics.min.js"
PAGE = f'<!doctype html><html><head><title>shop</title></head><body><script src="{SCRIPT}"></script>'.encode()
DOCUMENT = {"Accept": "text/html", "Sec-Fetch-Dest": "document"}
ASSET = {"Sec-Fetch-Dest": "script"}


@pytest.fixture(autouse=True)
def shop(site: Site) -> None:
    site.page("/", PAGE)
    site.page("/app.js", b"console.log(1)", "text/javascript")
    site.page("/welcome.js", b"console.log(2)", "text/javascript", [("set-cookie", "_ga=1; Path=/")])


def processor(proxy: Proxy) -> int:
    """The process that judges."""
    found = [pid for pid, command in children(proxy.process.pid) if " processor " in f" {command} "]
    assert len(found) == 1
    return found[0]


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does not answer, and is there all the same."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def again(ask: Callable[[], Answer], wanted: int) -> Answer:
    """Ask until the answer has the status that is wanted: what is started again takes its time."""
    answer = ask()
    for _ in range(2000):
        if answer.status == wanted:
            break
        answer = ask()
    assert answer.status == wanted
    return answer


def unguarded(answer: Answer) -> bool:
    return b"<title>shop" in answer.body and b"text/x-consentry" not in answer.body


def test_a_page_that_no_processor_has_seen_is_not_sent_and_says_when_to_come_again(proxy: Proxy) -> None:
    with stopped(processor(proxy)):
        answer = fetch(proxy.url + "/", DOCUMENT)
        assert answer.status == 503
        assert answer.header("retry-after") == "1"
        assert answer.header("cache-control") == "no-store"
        assert answer.header("content-type") == "text/html; charset=utf-8"
        assert "This page cannot be shown just now" in answer.text
        assert not unguarded(answer)
    assert "text/x-consentry" in again(lambda: fetch(proxy.url + "/", DOCUMENT), 200).text


def test_what_needs_no_judging_passes_while_no_processor_answers(proxy: Proxy) -> None:
    with stopped(processor(proxy)):
        answer = fetch(proxy.url + "/app.js", ASSET)
        assert (answer.status, answer.body) == (200, b"console.log(1)")


def test_a_cookie_that_may_have_to_be_withheld_does_not_pass_unseen(proxy: Proxy) -> None:
    with stopped(processor(proxy)):
        answer = fetch(proxy.url + "/welcome.js", ASSET)
        assert answer.status == 503
        assert answer.all("set-cookie") == []
    answer = again(lambda: fetch(proxy.url + "/welcome.js", ASSET), 200)
    assert (answer.body, answer.all("set-cookie")) == (b"console.log(2)", [])


def test_a_processor_that_was_killed_is_started_again_and_no_page_went_out_unguarded(proxy: Proxy) -> None:
    before = processor(proxy)
    os.kill(before, signal.SIGKILL)
    seen: list[Answer] = []

    def ask() -> Answer:
        seen.append(fetch(proxy.url + "/", DOCUMENT))
        return seen[-1]

    again(ask, 503)
    assert "text/x-consentry" in again(ask, 200).text
    assert not any(map(unguarded, seen))
    assert {answer.status for answer in seen} == {200, 503}
    assert processor(proxy) != before


def test_a_page_that_is_cut_off_by_its_processor_does_not_end_as_if_it_were_whole(site: Site, proxy: Proxy) -> None:
    begun, over = threading.Event(), threading.Event()

    def slow(request: Request) -> Response:
        def pieces() -> Iterator[bytes]:
            yield PAGE
            begun.set()
            over.wait(TIMEOUT)
            yield b"<p>the end"

        return Response(pieces(), [("content-type", "text/html")])

    site.route("/slow", slow)
    got: list[object] = []

    def ask() -> None:
        try:
            got.append(fetch(proxy.url + "/slow", DOCUMENT))
        except Exception as error:
            got.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert begun.wait(TIMEOUT)
    os.kill(processor(proxy), signal.SIGKILL)
    over.set()
    asking.join(TIMEOUT)
    assert len(got) == 1
    answer = got[0]
    assert not (isinstance(answer, Answer) and answer.status == 200), answer
    again(lambda: fetch(proxy.url + "/", DOCUMENT), 200)


def test_envoy_is_started_again_when_it_ends(proxy: Proxy) -> None:
    envoys = [pid for pid, command in children(proxy.process.pid) if "/envoy --config-path" in command]
    assert len(envoys) == 1
    os.kill(envoys[0], signal.SIGKILL)

    def up() -> bool:
        try:
            return "text/x-consentry" in fetch(proxy.url + "/", DOCUMENT).text
        except OSError:
            return False

    assert any(up() for _ in range(20_000))


def test_who_comes_while_there_is_too_much_to_do_is_told_at_once(site: Site, folder: Path, upstream: object) -> None:
    from tests.kit.proxy import ENVOY, behind

    waiting, over = threading.Semaphore(0), threading.Event()

    def slow(request: Request) -> Response:
        waiting.release()
        over.wait(TIMEOUT)
        return Response(PAGE, [("content-type", "text/html")])

    site.route("/busy", slow)
    url = upstream.url  # type: ignore[attr-defined]
    with behind(ENVOY), Proxy(url, "--most-under-way", "2", folder=folder) as proxy:
        statuses: list[int] = []
        askers = [
            threading.Thread(target=lambda: statuses.append(fetch(proxy.url + "/busy", DOCUMENT).status))
            for _ in range(2)
        ]
        for each in askers:
            each.start()
        for _ in askers:
            assert waiting.acquire(timeout=TIMEOUT)
        answer = fetch(proxy.url + "/", DOCUMENT)
        assert (answer.status, answer.header("retry-after")) == (503, "1")
        assert fetch(proxy.url + "/app.js", ASSET).status == 200
        over.set()
        for each in askers:
            each.join(TIMEOUT)
        assert statuses == [200, 200]
        assert "text/x-consentry" in fetch(proxy.url + "/", DOCUMENT).text
