"""A real PostgreSQL on loopback, from the machine's own packages."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

_START = 60.0
_USUAL = Path("/usr/lib/postgresql")
_NAME = "consentry"


class PostgresError(Exception):
    """There is none, or it does not start; the message says why."""


def program(name: str) -> str | None:
    """The path of one of its programs, which Debian keeps beside PATH; of the newest version."""
    beside = sorted(_USUAL.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3].partition(".")[0]))
    return shutil.which(name) or (str(beside[-1]) if beside else None)


class Postgres:
    """One server, started at once and usable as a context manager; what it stores goes with it."""

    def __init__(self) -> None:
        """Make a cluster and start it. Raises PostgresError."""
        initdb, self._program = program("initdb"), program("postgres")
        if initdb is None or self._program is None:
            raise PostgresError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        self._user = _unprivileged()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        # Not below pytest's folder, which another user may not enter.
        self._folder = Path(tempfile.mkdtemp(prefix="consentry-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            if self._user is not None:
                shutil.chown(self._folder, self._user)
            command = [initdb, "-D", str(self._folder / "data"), "-U", _NAME, "-A", "trust", "-E", "UTF8", "--no-sync"]
            made = subprocess.run(
                command, cwd=self._folder, user=self._user, capture_output=True, text=True, check=False
            )
            if made.returncode:
                raise PostgresError(f"initdb failed: {made.stderr.strip()}")
            self.start()
            self._ask("postgres", f"CREATE DATABASE {_NAME}")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def url(self, database: str = _NAME) -> str:
        """The address of one of its databases."""
        return f"postgresql://{_NAME}@127.0.0.1:{self.port}/{database}"

    def empty(self) -> str:
        """The address of a database that is empty now: the same each time, which is faster than a new one."""
        self._ask(_NAME, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return self.url()

    def start(self) -> None:
        """Start it, and return when it answers."""
        assert self._program is not None
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    self._program,
                    *("-D", str(self._folder / "data"), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1"),
                    *("-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB"),
                ],
                cwd=self._folder,
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                try:
                    self._ask("postgres", "SELECT 1")
                except PostgresError:
                    continue
                return
            break
        raise PostgresError(f"PostgreSQL did not start: {log.read_text('utf-8', 'replace')[-2000:]}")

    def stop(self) -> None:
        """Stop it as an administrator does who is in a hurry: whoever is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it as when a machine fails: all its processes at once."""
        if self._process is not None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            for pid in (self._process.pid, *map(int, children)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it, and remove what it stored."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, database: str, statement: str) -> None:
        import psycopg

        try:
            with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
                connection.execute(statement.encode())
        except psycopg.OperationalError as error:
            raise PostgresError(str(error)) from None


def _unprivileged() -> str | None:
    """Whom it runs as: it refuses to run as root. None: whoever runs this."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise PostgresError("PostgreSQL does not run as root, and there is no other user")
