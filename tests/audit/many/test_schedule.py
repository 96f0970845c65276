from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy_addon.audit.many.schedule import Job, Schedule


def test_addresses_of_different_hosts_come_in_their_order() -> None:
    schedule = Schedule(["https://a.test/", "https://b.test/", "https://c.test/"], delay=1)
    assert [_take(schedule, 0) for _ in range(3)] == ["https://a.test/", "https://b.test/", "https://c.test/"]


def test_a_host_has_one_page_at_a_time() -> None:
    schedule = Schedule(["https://a.test/1", "https://A.test/2", "https://b.test/"], delay=0)
    assert [_take(schedule, 0), _take(schedule, 0), _take(schedule, 0)] == ["https://a.test/1", "https://b.test/", None]
    assert schedule.wait(0) is None
    schedule.finished(Job("https://a.test/1"), 5)
    assert _take(schedule, 5) == "https://A.test/2"


def test_between_two_pages_of_a_host_lies_the_delay() -> None:
    schedule = Schedule(["https://a.test/1", "https://a.test/2"], delay=2)
    assert _take(schedule, 0) == "https://a.test/1"
    schedule.finished(Job("https://a.test/1"), 10)
    assert _take(schedule, 11) is None
    assert schedule.wait(11) == 1
    assert _take(schedule, 12) == "https://a.test/2"


def test_what_is_tried_again_comes_before_the_others_of_its_host_and_waits_too() -> None:
    schedule = Schedule(["https://a.test/1", "https://a.test/2"], delay=1)
    job = schedule.take(0)
    assert job is not None
    schedule.finished(job, 3, again=True)
    assert schedule.take(3) is None
    assert schedule.take(4) == Job("https://a.test/1", attempts=1)
    assert schedule.left == 1


def test_nothing_is_left_when_all_is_taken_and_finished() -> None:
    schedule = Schedule(["https://a.test/"], delay=1)
    job = schedule.take(0)
    assert job is not None
    schedule.finished(job, 1)
    assert (schedule.left, schedule.take(9), schedule.wait(9)) == (0, None, None)


@given(
    st.lists(st.sampled_from([f"https://{host}.test/{page}" for host in "abc" for page in range(4)]), unique=True),
    st.randoms(use_true_random=False),
)
def test_whatever_finishes_when_each_address_is_taken_once_and_no_host_is_hurried(
    urls: list[str], dice: object
) -> None:
    choose = getattr(dice, "choice")  # noqa: B009 - hypothesis does not name the type
    schedule, now, taken, running = Schedule(urls, delay=3), 0.0, list[str](), list[Job]()
    last: dict[str, float] = {}
    while schedule.left or running:
        job = schedule.take(now)
        if job is not None:
            assert job.host not in {each.host for each in running}
            assert now - last.get(job.host, float("-inf")) >= 3
            taken.append(job.url)
            running.append(job)
        elif running:
            over = running.pop(running.index(choose(running)))
            last[over.host] = now
            schedule.finished(over, now)
        now += 1
    assert sorted(taken) == sorted(urls)


def _take(schedule: Schedule, now: float) -> str | None:
    job = schedule.take(now)
    return None if job is None else job.url
