"""What a deployment costs while it lives: processor time and bytes written at the live edge, growth of its directory, and whether
a start depends on how long it has lived.

The simulator feeds `blotter demo` at the pace of a real feed; the figures come from /proc and from the directory.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

DAY_S = 86_400
# What follows a load (the first checkpoint, then housekeeping of the log) is not the live edge.
SETTLED_S = 45
# Ten hours of the data a second.
SPEED = 36_000
AT_ONCE = 1_000_000_000


class Process:
    """A demo that is measured from outside."""

    def __init__(self, binary: Path, folder: Path, *arguments):
        self.folder = folder
        self.process = subprocess.Popen(
            [str(binary), "demo", "--dir", str(folder), "--listen", "127.0.0.1:0", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = self.line_with("http://127").strip()

    def line_with(self, text: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if text in line:
                return line
        raise SystemExit("blotter ended early")

    def caught_up(self) -> None:
        self.line_with("caught up after")

    def settle(self) -> None:
        """Until what follows a load is done."""
        checkpoints = self.folder / "store" / "checkpoints" / "count"
        while not any(path.is_file() for path in checkpoints.rglob("*")):
            time.sleep(1)
        time.sleep(SETTLED_S)

    def records(self) -> int:
        with urllib.request.urlopen(f"{self.url}/api/v1/meta", timeout=60) as answer:
            return sum(json.load(answer)["next_offsets"].values())

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def written_bytes(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))

    def sizes(self) -> tuple[int, int]:
        """Bytes without snapshots: of the log's journals, and of everything else. The journal is emptied when it has 4 MB."""
        journals = others = 0
        for folder, folders, files in os.walk(self.folder):
            if Path(folder).name == "snapshots":
                folders.clear()
                continue
            for name in files:
                try:
                    found = os.stat(os.path.join(folder, name))
                except FileNotFoundError:
                    continue  # Compacted away meanwhile.
                if name.endswith(".jnl"):
                    # Zeros are reserved behind the end.
                    journals += found.st_blocks * 512
                else:
                    others += found.st_size
        return journals, others

    def ready_s(self, since: float) -> float:
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=60):
                    return time.perf_counter() - since
            except OSError:
                time.sleep(0.005)

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def cost(binary: Path, scratch: Path, seconds: int):
    """2 incidents a second on 1.7 million."""
    demo = Process(binary, scratch / "cost", "--simulate", 1_700_000, "--simulate-rate", 2)
    demo.caught_up()
    demo.settle()
    cpu, written, records = demo.cpu_s(), demo.written_bytes(), demo.records()
    time.sleep(seconds)
    cpu, written, records = demo.cpu_s() - cpu, demo.written_bytes() - written, demo.records() - records
    demo.end()
    yield (
        f"Living at 2 incidents/s on 1.7 M, {seconds} s: processor and disk",
        f"{100 * cpu / seconds:.2f} % of a core, {written / seconds * DAY_S / 1e9:.2f} GB written a day",
        f"{records:,} records; to hold: 1.5 %, 2 GB",
        "",
    )


def growth(binary: Path, scratch: Path, seconds: int):
    """20 incidents a second on 300,000."""
    demo = Process(binary, scratch / "growth", "--simulate", 300_000, "--simulate-rate", 20)
    demo.caught_up()
    demo.settle()
    before, records = demo.sizes(), demo.records()
    time.sleep(seconds)
    after, records = demo.sizes(), demo.records() - records
    demo.end()
    journals, others = ((later - earlier) / records for earlier, later in zip(before, after, strict=True))
    yield (
        f"… at 20 incidents/s on 300,000, {seconds} s: growth of the directory without snapshots",
        f"{others + journals:.0f} bytes a record, of which {journals:.0f} in the log's journals",
        f"{records:,} records of {20 * seconds:,} incidents; to hold: 500 bytes",
        "",
    )


def start(binary: Path, scratch: Path, days: int, rounds: int):
    """A start after days that were lived hour by hour, beside one on the same records loaded at once. Both replay the file: to
    read it again costs the same."""
    file = scratch / "lived.csv"
    records = simulate_days(binary, file, days)
    # Slow enough that `detect` publishes ticks one by one, and as fast as it goes.
    speeds = {scratch / "lived": SPEED, scratch / "loaded": AT_ONCE}
    for folder, speed in speeds.items():
        demo = Process(binary, folder, "--data", file, "--speed", speed)
        demo.caught_up()
        demo.end()
    figures = {folder: [] for folder in speeds}
    for _ in range(rounds):
        for folder, speed in speeds.items():
            began = time.perf_counter()
            demo = Process(binary, folder, "--data", file, "--speed", speed)
            figures[folder].append(demo.ready_s(began))
            demo.end()
    lived, loaded = (sorted(seconds)[len(seconds) // 2] for seconds in figures.values())
    yield (
        f"Start until `readyz` after {days} days that were lived tick by tick, at {SPEED:,} times their pace",
        f"{lived:.2f} s",
        f"{records:,} records; the same loaded at once: {loaded:.2f} s; to hold: 1.2",
        f"{lived / loaded:.2f}",
    )


def simulate_days(binary: Path, path: Path, days: int) -> int:
    """A file of the last days that the simulator makes up, 700 incidents a day with their revisions; how many rows. Some
    incidents occurred years before they were reported: those are left out, or a replay would wait for years."""
    everything = path.with_suffix(".all.csv")
    command = [str(binary), "simulate", "--incidents", str(700 * days), "--output", str(everything)]
    subprocess.run(command, check=True, capture_output=True)
    with everything.open(newline="") as file:
        rows = list(csv.DictReader(file))
    occurred = [datetime.strptime(row["Date"], "%m/%d/%Y %I:%M:%S %p") for row in rows]
    first = max(occurred) - timedelta(days=days)
    kept = [row for row, at in zip(rows, occurred, strict=True) if at >= first]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return len(kept)
