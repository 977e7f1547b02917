"""A TCP proxy on loopback whose network the tests spoil: cut, slow, or open in one direction only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

CHUNK = 1 << 16


class Proxy:
    """Passes connections on to `target`, a port of loopback. Runs on a thread of its own."""

    def __init__(self, target: int | None = None):
        self.target = target
        self.delay_s = 0.0
        #: What goes from client to server, and back; what is stopped is kept, as a network does that loses packets.
        self.forth, self.back = True, True
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
            writer.close()
            return
        both = {writer, upstream_writer}
        self._writers |= both
        tasks = [
            asyncio.ensure_future(self._pump(reader, upstream_writer, lambda: self.forth)),
            asyncio.ensure_future(self._pump(upstream_reader, writer, lambda: self.back)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for each in both:
            each.close()
        self._writers -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: Callable[[], bool]) -> None:
        try:
            while data := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                while not is_open():
                    await asyncio.sleep(0.02)
                writer.write(data)
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass

    def cut(self) -> None:
        """Breaks every connection that there is; new ones are possible."""

        async def close() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._run(close())

    def close(self) -> None:
        self.cut()

        async def stop() -> None:
            self._server.close()

        self._run(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
