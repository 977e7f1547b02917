"""Every file of the data loads, or is refused with a sentence; a spoilt one loses nothing before the damage."""

import base64
import gzip
import json
import lzma
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import BINARY, run_to_end
from data import SODA, real

LOADED = [
    ("chicago-2015-10-sample.csv", 999),
    ("chicago-2024-sample-bom.csv", 10_000),
    (SODA, 8_185),
]
#: What the simulator does not write.
OTHER_FORM = "files of other forms are not simulated"
REFUSED = [
    "iucr-codes.csv",
    "chicago-community-areas.geojson.zst",
    "chicago-districts.geojson.zst",
    "chicago-beats.geojson.zst",
    "nypd-shootings.csv",
]


def check_loads(demo, city, file, total):
    server = demo("--city", city, "--data", file)
    meta = server.wait_until_caught_up()
    assert (meta["incidents"]["total"], meta["rejected"]) == (total, 0)
    assert meta["city"] == city
    server.stop()


@pytest.mark.parametrize(("name", "total"), LOADED)
def test_every_row_of_a_file_is_loaded(demo, sample, name, total):
    check_loads(demo, "chicago", sample(name), total)


def test_a_file_of_another_city_is_loaded(demo):
    check_loads(demo, "new-york-shootings", real("nypd-shootings.csv", OTHER_FORM), 21_408)


def test_a_compressed_file_is_loaded_from_a_url(demo, sample):
    """A compressed file behind HTTP, told by its bytes."""
    packed = gzip.compress(sample("chicago-2024-sample-bom.csv").read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(packed)))
            self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        server = demo("--data", f"http://localhost:{files.server_address[1]}/crimes")
        meta = server.wait_until_caught_up()
        assert (meta["incidents"]["total"], meta["rejected"]) == (10_000, 0)
        server.stop()
        files.shutdown()


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_not_incidents_is_refused_by_its_name(blotter, tmp_path, name):
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "b", "--data", real(name, OTHER_FORM))
    assert server.wait() == 1
    assert name in server.output
    assert "panicked" not in server.output


def head(path: Path, lines: int) -> bytes:
    with path.open("rb") as file:
        return b"".join(file.readline() for _ in range(lines))


def load(blotter, tmp_path, content: bytes, name="input.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "b", "--data", path)
    server.wait_for_address()
    meta = server.wait_until_caught_up()
    server.stop()
    lines = run_to_end(BINARY, "rejected", "--format", "json", "--log", f"embedded:{tmp_path}/b/log").stdout.splitlines()
    return meta["incidents"]["total"], [json.loads(line) for line in lines]


def test_cut_inside_a_quote(blotter, sample, tmp_path):
    sample = head(sample("chicago-2015-10-sample.csv"), 11)
    cut = sample[: sample.rindex(b'"(') + 5]
    total, rejected = load(blotter, tmp_path, cut)
    assert total == 9
    assert len(rejected) == 1
    assert rejected[0]["text"] and cut.endswith(rejected[0]["text"].encode())


@pytest.mark.parametrize(("name", "pack"), [("input.csv.gz", gzip.compress), ("input.csv.xz", lzma.compress)])
def test_truncated_archives_keep_what_came_before(blotter, sample, tmp_path, name, pack):
    whole = pack(head(sample("chicago-2024-sample-bom.csv"), 8001))
    total, rejected = load(blotter, tmp_path, whole[: len(whole) * 3 // 4], name)
    assert 3_000 < total < 8_000
    assert len(rejected) >= 1


def test_truncated_zst(blotter, sample, tmp_path):
    plain = tmp_path / "plain.csv"
    plain.write_bytes(head(sample("chicago-2024-sample-bom.csv"), 8001))
    whole = subprocess.run(["zstd", "-q", "-c", str(plain)], capture_output=True, check=True).stdout
    total, rejected = load(blotter, tmp_path, whole[: len(whole) * 3 // 4], "input.csv.zst")
    assert 0 < total < 8_000
    assert len(rejected) >= 1


def test_binary_in_the_middle_is_rejected_and_the_rest_kept(blotter, sample, tmp_path):
    lines = head(sample("chicago-2015-10-sample.csv"), 101).splitlines(keepends=True)
    total, rejected = load(blotter, tmp_path, b"".join([*lines[:50], b"\x00\xff\xfe garbage \x80\n", *lines[50:]]))
    assert (total, len(rejected)) == (100, 1)
    assert base64.b64decode(rejected[0]["base64"]).startswith(b"\x00\xff\xfe")


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n\n"])
def test_an_empty_file_is_an_empty_city_and_says_so(blotter, tmp_path, content):
    total, rejected = load(blotter, tmp_path, content)
    assert total == 0
    assert ["empty" in record["reason"] for record in rejected] == [True]


def test_a_binary_file_is_refused(blotter, tmp_path):
    path = tmp_path / "input.csv"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40)
    server = blotter("demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "b", "--data", path)
    assert server.wait() == 1
    assert "input.csv" in server.output and "panicked" not in server.output


def test_header_alone_is_an_empty_city(demo, sample, tmp_path):
    path = tmp_path / "empty.csv"
    path.write_bytes(head(sample("chicago-2015-10-sample.csv"), 1))
    server = demo("--data", path)
    meta = server.wait_until_caught_up()
    assert meta["incidents"] == {"total": 0, "mapped": 0, "unmapped": 0}
    assert meta["data_as_of"] is None
    assert server.json("/api/v1/series", by="category", bucket="month")["series"] == []
    assert server.json("/api/v1/cells", resolution=9)["cells"] == []
    server.stop()


def test_a_second_process_is_refused_by_the_name_of_the_first(demo, blotter, sample, tmp_path):
    first = demo("--data", sample("chicago-2015-10-sample.csv"))
    second = blotter("demo", "--listen", "127.0.0.1:0", "--dir", tmp_path / "blotter", "--data", sample("chicago-2015-10-sample.csv"))
    assert second.wait() == 1
    assert "blotter demo" in second.output and str(first.process.pid) in second.output
    first.stop()
