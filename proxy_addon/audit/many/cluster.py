"""Those who look at addresses on a Dask cluster: stations on its workers, one for each of their threads.

Importing this needs Dask (the extra `fleet`).
"""

from __future__ import annotations

import queue
import time
import uuid
from typing import TYPE_CHECKING, Any

from distributed import Client, Future, Reschedule, Worker, WorkerPlugin, get_worker

from ...config import UsageError
from .outcome import CRASH, Outcome
from .schedule import Job
from .station import ClosedError, Limits, Station

if TYPE_CHECKING:
    from ..options import Options

_CONNECT = 15.0
# How long a cluster without workers is waited for.
_PATIENCE = 300.0


class Stations(WorkerPlugin):
    """A plugin of a Dask worker: the stations that its threads borrow, ended with the worker or the audit."""

    def __init__(self, options: Options, limits: Limits, name: str) -> None:
        """It goes to each worker, and to those that come later."""
        self.name = name
        self._options = options
        self._limits = limits

    def setup(self, worker: Worker) -> None:
        """Dask calls this on each worker."""
        self._free: queue.SimpleQueue[Station] = queue.SimpleQueue()
        self._all = [Station(self._options, self._limits) for _ in range(worker.state.nthreads)]
        for station in self._all:
            self._free.put(station)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's own form
        """Dask calls this when the worker stops in order, or the audit is over."""
        for station in self._all:
            station.close()

    def look(self, job: Job) -> Outcome:
        """Audit an address at a station that is free."""
        station = self._free.get()
        try:
            return station.look(job)
        finally:
            self._free.put(station)


def look(name: str, job: Job) -> Outcome:
    """The task: audit an address at one of the stations of the worker that it runs on."""
    stations: Any = get_worker().plugins[name]
    try:
        outcome: Outcome = stations.look(job)
    except ClosedError:
        # The worker is leaving in order; another one takes over.
        raise Reschedule from None
    return outcome


class ClusterCrew:
    """All workers of a cluster, whoever comes and goes. Consentry must be installed on them, and a browser."""

    def __init__(self, options: Options, limits: Limits, address: str) -> None:
        """`address` is the scheduler's, as tcp://scheduler:8786. Raises UsageError if it is not there."""
        try:
            # Its methods have no types.
            connect: Any = Client
            self._client: Any = connect(address, timeout=_CONNECT, name="consentry-audit")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"There is no Dask scheduler at {address} ({_short(error)}); start one with: dask scheduler"
            ) from None
        self._address = address
        self._name = f"consentry-audit-{uuid.uuid4()}"
        self._done: queue.SimpleQueue[tuple[Job, Future[Any]]] = queue.SimpleQueue()
        self._running: dict[str, Future[Any]] = {}
        self._alone_since: float | None = None
        try:
            self._client.register_plugin(Stations(options, limits, self._name), name=self._name)
        except Exception as error:  # What a worker could not set up is raised here, whatever it is.
            self._client.close()
            raise UsageError(
                f"The workers of {address} cannot audit ({_short(error)}); install 'consentry[audit,fleet]' on them, "
                "in the same version as here."
            ) from None

    def size(self) -> int:
        """See Crew."""
        try:
            return int(sum(self._client.nthreads().values()))
        except (OSError, ValueError, TimeoutError):
            return 0

    def give(self, job: Job) -> None:
        """See Crew."""
        # Each try is a task of its own: what was once computed is not wanted again.
        future = self._client.submit(look, self._name, job, pure=False)
        self._running[job.url] = future
        future.add_done_callback(lambda future: self._done.put((job, future)))

    def take(self, seconds: float) -> tuple[Job, Outcome] | None:
        """See Crew."""
        try:
            job, future = self._done.get(timeout=seconds)
        except queue.Empty:
            self._check()
            return None
        self._running.pop(job.url, None)
        if future.status == "cancelled":
            raise self._gone()
        try:
            outcome: Outcome = future.result(timeout=_CONNECT)
        except UsageError as error:
            raise UsageError(f"A worker of {self._address} cannot audit: {error}") from None
        except Exception as error:  # A task can fail with anything: workers that die under it, most of all.
            return job, _broken(job, error)
        return job, outcome

    def close(self) -> None:
        """See Crew."""
        try:
            self._client.cancel(list(self._running.values()))
            self._client.unregister_worker_plugin(self._name)
        except Exception:  # noqa: S110 - the cluster is gone, and with it what was to be tidied up
            pass
        finally:
            self._client.close()

    def _check(self) -> None:
        """Raise UsageError if nobody is there to work, and nobody comes."""
        if self._client.status not in ("running", "connecting"):
            raise self._gone()
        if self.size():
            self._alone_since = None
            return
        now = time.monotonic()
        self._alone_since = now if self._alone_since is None else self._alone_since
        if now - self._alone_since > _PATIENCE:
            raise UsageError(
                f"The cluster at {self._address} has no workers; start some with: dask worker {self._address}"
            )

    def _gone(self) -> UsageError:
        return UsageError(
            f"The cluster at {self._address} is gone; start it anew, and the same command goes on where it stopped."
        )


def _broken(job: Job, error: Exception) -> Outcome:
    said = f"The workers that looked at {job.url} died ({_short(error)})."
    return Outcome(job.url, job.host, CRASH, said, job.attempts + 1, time.time(), 0.0, 0, "", "")


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
