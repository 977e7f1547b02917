"""A TCP proxy on loopback whose network the tests spoil: cut, slow, or open in one direction only. And traps: a request that
is waited for ends whoever sent it, before it arrives, before its answer does, or right after."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

CHUNK = 1 << 16
KAFKA_END_TXN = 26


@dataclass
class Trap:
    """Springs once, at a request that matches."""

    matches: Callable[[bytes], bool]
    #: `before` the request is passed on, `during` it (passed on, and no answer comes back), or `after` the answer.
    moment: str
    spring: Callable[[], None]
    has_sprung: threading.Event = field(default_factory=threading.Event)


def ends_transaction(writer: str) -> Callable[[bytes], bool]:
    """Whether a frame of Kafka's protocol commits a transaction of a writer whose name begins so."""
    return lambda frame: int.from_bytes(frame[4:6], "big") == KAFKA_END_TXN and f".{writer}".encode() in frame


def requests(method: str, part: str) -> Callable[[bytes], bool]:
    """Whether an HTTP request has that method, and that in its path."""

    def matches(data: bytes) -> bool:
        line, _, _ = data.partition(b"\r\n")
        return line.startswith(f"{method} ".encode()) and part.encode() in line

    return matches


def puts(part: str) -> Callable[[bytes], bool]:
    """Whether an HTTP request puts an object in whose path that is."""
    return requests("PUT", part)


def posts(part: str) -> Callable[[bytes], bool]:
    """Whether an HTTP request posts something to where that is in the path."""
    return requests("POST", part)


class Proxy:
    """Passes connections on to `target`, a port of loopback. Runs on a thread of its own. With `frames` what goes forth
    is cut into Kafka's frames, so that a trap sees each of them."""

    def __init__(self, target: int | None = None, frames: bool = False):
        self.target = target
        self.frames = frames
        self.trap: Trap | None = None
        self.delay_s = 0.0
        #: What goes from client to server, and back; what is stopped is kept, as a network does that loses packets.
        self.forth, self.back = True, True
        #: Connections that could not be passed on, for nobody listens at the target.
        self.refused = 0
        #: Pieces that were stopped on their way, in either direction: what comes behind one on its connection is not counted.
        self.held = 0
        #: Answers in which an HTTP server says that it has failed.
        self.failures = 0
        #: What is counted of that which goes forth, and how often it was passed on.
        self.counts: Callable[[bytes], bool] = lambda data: False
        self.passed_on = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self.refused += 1
            writer.close()
            return
        both = {writer, upstream_writer}
        self._writers |= both
        awaited: list[Trap] = []  # by the answers of this connection
        tasks = [
            asyncio.ensure_future(self._pump_forth(reader, upstream_writer, awaited)),
            asyncio.ensure_future(self._pump_back(upstream_reader, writer, awaited)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for each in both:
            each.close()
        self._writers -= both
        # No answer came: it was said by one that is dead already.
        for trap in awaited:
            self.trap = trap

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        if not self.frames:
            return await reader.read(CHUNK)
        try:
            length = await reader.readexactly(4)
            return length + await reader.readexactly(int.from_bytes(length, "big"))
        except asyncio.IncompleteReadError:
            return b""

    async def _pump_forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: list[Trap]) -> None:
        try:
            while data := await self._read(reader):
                trap = self.trap if self.trap and self.trap.matches(data) else None
                if trap:
                    self.trap = None
                    if trap.moment == "before":
                        await self._spring(trap)
                        return
                try:
                    await self._pass_on(data, writer, lambda: self.forth)
                except (OSError, asyncio.CancelledError):
                    # It was not passed on: another is waited for.
                    self.trap = trap or self.trap
                    raise
                self.passed_on += self.counts(data)
                if trap and trap.moment == "during":
                    await self._spring(trap)
                elif trap:
                    awaited.append(trap)
        except (OSError, asyncio.CancelledError):
            pass

    async def _pump_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, awaited: list[Trap]) -> None:
        try:
            while data := await reader.read(CHUNK):
                self.failures += data.startswith(b"HTTP/1.1 5")
                await self._pass_on(data, writer, lambda: self.back)
                while awaited:
                    await self._spring(awaited.pop())
        except (OSError, asyncio.CancelledError):
            pass

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter, is_open: Callable[[], bool]) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        self.held += not is_open()
        while not is_open():
            await asyncio.sleep(0.02)
        writer.write(data)
        await writer.drain()

    async def _spring(self, trap: Trap) -> None:
        def spring() -> None:
            trap.spring()
            # Here, for whoever is killed takes this connection, and with it this task, along.
            trap.has_sprung.set()

        # A client that leaves as soon as it has its answer ends this task too; what the task began is not taken back.
        await asyncio.shield(self._loop.run_in_executor(None, spring))

    def cut(self) -> None:
        """Breaks every connection that there is; new ones are possible."""

        async def close() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._run(close())

    def calm(self) -> None:
        """As it was made: no trap, no delay, open in both directions. Connections that there are break."""
        self.trap, self.delay_s = None, 0.0
        self.forth, self.back = True, True
        self.cut()

    def close(self) -> None:
        self.cut()

        async def stop() -> None:
            self._server.close()

        self._run(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
