"""What cheap questions cost beside strangers and heavy questions, and how many ask for peaks at once."""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

from strangers import Strangers, allow_files  # noqa: E402

HEAVY = [
    "/api/v1/emerging?step=week&resolution=11",
    "/api/v1/emerging?step=week&resolution=10",
    "/api/v1/density?bandwidth_m=1000&grid_m=50&format=geojson",
    "/api/v1/backtest?resolution=10&weeks=200&training_weeks=52",
]
LARGE = "/api/v1/density?grid_m=50&format=csv"
SECONDS = 60
CONNECTIONS = 64


def p99(times):
    return sorted(times)[int(len(times) * 0.99)] * 1000


def median(times):
    return sorted(times)[len(times) // 2] * 1000


def timed(url: str, path: str, until: float, times: list[float], failures: list[str]) -> None:
    while time.perf_counter() < until:
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(url + path, timeout=120) as answer:
                answer.read()
        except OSError as error:
            failures.append(str(error))
        times.append(time.perf_counter() - began)


async def peaks_a_second(url: str, seconds: float) -> float:
    """Answers to `peaks` over so many connections, each asking again as soon as it was answered."""
    parts = urlsplit(url)
    request = f"GET /api/v1/peaks HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    answered = 0
    until = time.perf_counter() + seconds

    async def ask() -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            answered += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return answered / (time.perf_counter() - began)


def overload(demo, url: str):
    """Rows of the table, of a server that has caught up."""
    allow_files(4096)
    alone = {"/healthz": [], "/api/v1/cells?resolution=9": []}
    beside = {path: [] for path in alone}
    failures: list[str] = []

    def measure(times, seconds):
        until = time.perf_counter() + seconds
        askers = [threading.Thread(target=timed, args=(url, path, until, times[path], failures)) for path in times]
        for asker in askers:
            asker.start()
        return askers

    for asker in measure(alone, 10):
        asker.join()
    with Strangers(url) as strangers:
        strangers.half_open(200)
        strangers.never_reading(LARGE, 50)
        askers = measure(beside, SECONDS)
        while any(asker.is_alive() for asker in askers):
            for turn in range(24):
                strangers.leaving(HEAVY[turn % len(HEAVY)], 1)
            # And one of each that stays.
            for path in HEAVY:
                strangers.never_reading(path, 1)
            time.sleep(1)
    said = "; ".join(
        f"`{path.split('?')[0].split('/')[-1]}` p99 {p99(beside[path]):.1f} ms (median {median(beside[path]):.1f} ms)" for path in beside
    )
    unloaded = "; ".join(f"`{path.split('?')[0].split('/')[-1]}` p99 {p99(alone[path]):.1f} ms" for path in alone)
    yield (
        f"Beside 200 half-open and 50 never-reading clients, and 28 heavy questions a second whose clients leave (24) or stay, for {SECONDS} s",
        f"{said}; peak memory {demo.peak_mib():,.0f} MiB; {len(failures)} failures",
        f"without them: {unloaded}",
        "",
    )
    rate = asyncio.run(peaks_a_second(url, 10))
    yield (f"`peaks` over {CONNECTIONS} connections, 1.7 M incidents", f"{rate:,.0f} answers/s", "client in Python on the same cores", "")


def run(scratch: Path, csv: Path, demo_of, wait_for):
    folder = scratch / "overload"
    demo = demo_of(folder, "--data", csv)
    url = demo.until(r"(http://[\d.:]+)").group(1)
    wait_for(f"{url}/api/v1/meta", lambda meta: meta["caught_up"])
    yield from overload(demo, url)
    demo.end()
    shutil.rmtree(folder)
