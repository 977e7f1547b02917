"""One byte is flipped in a file of a stopped deployment: after the start the answers are right, or the start, or the answer, is
refused and the file is named. Never a different answer."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import BINARY, Server, run_to_end
from deltalake import DeltaTable
from description import Nonconforming

#: Positions that are tried in each file.
FLIPS = int(os.environ.get("BLOTTER_TEST_FLIPS", "1"))
SIMULATED = ["--simulate", "3000"]
#: The name of who holds the log, which is written anew at each start.
UNREAD = re.compile(r"(^|/)(lock|\.staging/.*)$")

QUESTIONS = [
    ("/api/v1/series", {"by": "community_area", "bucket": "month"}),
    ("/api/v1/series", {"by": "category", "bucket": "day"}),
    ("/api/v1/cells", {"resolution": 9}),
    ("/api/v1/incidents", {"limit": 500}),
    ("/api/v1/peaks", {}),
]


def start(folder: Path) -> Server:
    return Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder), *SIMULATED)


def answers(server: Server) -> dict[str, object]:
    """What the questions are answered; an answer that is refused is none."""
    server.wait_for_address()
    meta = server.wait_until_caught_up()
    found: dict[str, object] = {name: meta[name] for name in ("incidents", "rejected", "data_as_of", "categories")}
    for path, parameters in QUESTIONS:
        status, _, body = server.get(path, **parameters)
        name = f"{path} {parameters}"
        if status == 200:
            answer = json.loads(body)
            # What moves with the snapshots, not with the data.
            answer.pop("snapshot", None)
            found[name] = answer
        else:
            assert status >= 500, (name, status, body)
            found[name] = None
    return found


def files(folder: Path) -> list[Path]:
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 0]
    return sorted(path for path in found if not UNREAD.search(str(path)))


def flip(path: Path, at: int, bit: int) -> None:
    bytes_ = bytearray(path.read_bytes())
    bytes_[at] ^= 1 << bit
    path.write_bytes(bytes_)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    """A stopped deployment, and what it answers."""
    folder = tmp_path_factory.mktemp("damage") / "city"
    server = start(folder)
    server.wait_for_address()
    server.wait_until_caught_up()
    server.stop()
    server = start(folder)
    expect = answers(server)
    server.stop()
    return folder, expect


def test_a_flipped_byte_in_any_file_gives_no_other_answer(deployment, tmp_path):
    original, expect = deployment
    dice = random.Random(int(os.environ.get("BLOTTER_TEST_SEED", "12")))
    outcomes: dict[str, int] = {"right": 0, "refused": 0, "answer refused": 0}
    for path in files(original):
        size = (original / path).stat().st_size
        for _ in range(FLIPS):
            at, bit = dice.randrange(size), dice.randrange(8)
            folder = tmp_path / "city"
            shutil.copytree(original, folder)
            flip(folder / path, at, bit)
            # A fetched snapshot and the store's are one file on one disk.
            twin = Path("store") / path if path.parts[0] == "snapshots" else None
            if twin and path.suffix == ".parquet" and (folder / twin).exists():
                flip(folder / twin, at, bit)
            where = f"byte {at} (bit {bit}) of {size} in {path}"
            server = start(folder)
            try:
                found = answers(server)
            except Nonconforming:
                raise
            # It may also end later, when a role reads what is damaged.
            except (AssertionError, OSError) as ended:
                code = server.wait()
                assert code == 1, f"{where}: {ended}"
                said = "\n".join(line for line in server.lines if re.search(r"\b(WARN|ERROR)\b", line))
                # A table of the log is not named by fjall: the log is.
                named = path.name in said or (path.parts[0] == "log" and str(folder / "log") in said)
                assert named, f"{where}: {server.output}"
                assert "panicked" not in server.output, f"{where}: {server.output}"
                outcomes["refused"] += 1
            else:
                wrong = {name: answer for name, answer in found.items() if answer is not None and answer != expect[name]}
                assert not wrong, f"{where}: {list(wrong)}\n{server.output}"
                outcomes["answer refused" if None in found.values() else "right"] += 1
            finally:
                if server.process.poll() is None:
                    server.kill()
                shutil.rmtree(folder)
    print(outcomes)
    assert outcomes["right"] > 10


def run(*arguments: object) -> str:
    return run_to_end(BINARY, *arguments).stdout


def test_other_engines_read_a_table_whose_log_is_sealed(tmp_path):
    log, store = f"embedded:{tmp_path}/log", f"file://{tmp_path}/store"
    appended = 0
    for number in range(22):
        data = tmp_path / f"{number}.csv"
        run("simulate", "--incidents", 20, "--seed", number, "--output", data)
        said = run("produce", "--data", data, "--log", log, "--until-caught-up")
        appended += int(re.search(r"(\d+) incidents appended", said).group(1))
        run("archive", "--log", log, "--store", store, "--until-caught-up")
    folder = tmp_path / "store" / "incidents"
    checkpoints = list((folder / "_delta_log").glob("*.checkpoint.parquet"))
    assert checkpoints and b"BLOTTERSEAL" in checkpoints[0].read_bytes()
    for path in [*(folder / "_delta_log").glob("*.json"), folder / "_delta_log" / "_last_checkpoint"]:
        assert b'"blotter.checksum":"xxh3:' in path.read_bytes(), path
    rows = DeltaTable(str(folder)).to_pyarrow_table(columns=["partition", "offset"])
    assert rows.num_rows == appended > 0
    assert len(pq.ParquetFile(checkpoints[0]).read()) > 20
    # What Delta's own log says was put there by us, so that a changed byte of it stops the archive by name.
    flip(checkpoints[0], checkpoints[0].stat().st_size // 2, 3)
    refused = run_to_end(BINARY, "archive", "--log", log, "--store", store, "--until-caught-up", code=1)
    assert checkpoints[0].name in refused.stderr
