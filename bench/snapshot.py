"""Snapshots of simulated incidents by both engines, on the same two cores; see `run.py`."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "e2e"))

from services.spark import VERSION  # noqa: E402
from services.spark.connect import SparkConnect  # noqa: E402

BINARY = ROOT / "target" / "release" / "blotter"
SIZES = (1_718_685, 10_000_000)


def run(*command: object) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}:\n{done.stdout}\n{done.stderr}")


def timed(store: Path, engine: str) -> float:
    shutil.rmtree(store / "snapshots", ignore_errors=True)
    began = time.monotonic()
    run(BINARY, "snapshot", "--store", f"file://{store}", "--engine", engine)
    return time.monotonic() - began


def bench(scratch: Path, _csv: Path, rounds: int):
    folder = scratch / "snapshot"
    folder.mkdir()
    SparkConnect.provision()
    service = SparkConnect(folder / "service")
    service.start()
    try:
        for size in SIZES:
            place = folder / str(size)
            log, store = f"embedded:{place}/log", place / "store"
            run(BINARY, "produce", "--log", log, "--simulate", size, "--until-caught-up")
            run(BINARY, "archive", "--log", log, "--store", f"file://{store}", "--until-caught-up")
            taken: dict[str, list[float]] = {"embedded": [], f"spark://127.0.0.1:{service.port}": []}
            for _ in range(rounds):
                for engine, times in taken.items():
                    times.append(timed(store, engine))
            own, spark = map(statistics.median, taken.values())
            yield (
                f"Snapshot of {size:,} simulated incidents: embedded engine",
                f"{own:.1f} s",
                f"Spark {VERSION} `local[2]`, the same bytes: {spark:.1f} s; to hold for 10 M: 4 times",
                f"{spark / own:.1f}",
            )
            shutil.rmtree(place)
    finally:
        service.stop()
