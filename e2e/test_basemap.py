"""The base map: one PMTiles file, whose bytes are served as they are, and the page that draws it without asking anybody else."""

import json
import urllib.error
import urllib.request
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

import pytest
from conftest import BINARY, Server, lower, run_to_end
from playwright.sync_api import expect
from tiles import ATTRIBUTION, LAYERS, MAX_ZOOM, NAME, write_basemap

PATH = "/basemap.pmtiles"
MEDIA_TYPE = "application/vnd.pmtiles"


@pytest.fixture(scope="module")
def basemap(tmp_path_factory) -> Path:
    return write_basemap(tmp_path_factory.mktemp("basemap") / "chicago.pmtiles")


@pytest.fixture(scope="module")
def server(basemap, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blotter") / "blotter"
    server = Server("demo", "--listen", "127.0.0.1:0", "--dir", str(folder), "--simulate", "5000", "--basemap", str(basemap))
    try:
        server.wait_for_address()
        server.wait_until_caught_up()
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()


def ask(server, method="GET", **headers):
    """Status, headers in lower case and body of the file's address."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(server.url + PATH, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, lower(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, lower(error.headers), error.read()


def test_meta_says_what_the_file_says(server):
    assert server.meta()["basemap"] == {
        "url": PATH,
        "name": NAME,
        "attribution": ATTRIBUTION,
        "tile_type": "mvt",
        "min_zoom": 0,
        "max_zoom": MAX_ZOOM,
        "vector_layers": list(LAYERS),
    }


def test_the_whole_file_is_its_bytes_in_no_other_coding(server, basemap):
    status, headers, body = ask(server, Accept_Encoding="br, gzip, zstd")
    assert (status, body) == (200, basemap.read_bytes())
    assert "content-encoding" not in headers
    assert (headers["content-type"], headers["accept-ranges"]) == (MEDIA_TYPE, "bytes")
    assert headers["content-length"] == str(len(body))
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-126", 0, 126), ("127-500", 127, 500), ("0-0", 0, 0), ("-10", -10, -1), ("1000-", 1000, -1), ("1000-99999999", 1000, -1)],
)
def test_a_range_is_exactly_those_bytes(server, basemap, asked, first, last):
    whole = basemap.read_bytes()
    first, last = first % len(whole), last % len(whole)
    status, headers, body = ask(server, Range=f"bytes={asked}", Accept_Encoding="gzip")
    assert (status, body) == (206, whole[first : last + 1])
    assert headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert headers["content-length"] == str(last - first + 1)
    assert headers["content-type"] == MEDIA_TYPE
    assert "content-encoding" not in headers


def test_the_header_is_where_readers_look_for_it(server):
    assert ask(server, Range="bytes=0-126")[2][:8] == b"PMTiles\x03"


def test_a_range_past_the_end_is_refused_with_the_length(server, basemap):
    size = basemap.stat().st_size
    status, headers, body = ask(server, Range=f"bytes={size}-{size + 10}")
    assert (status, headers["content-range"], body) == (416, f"bytes */{size}", b"")


def test_head_has_the_headers_of_the_file_and_no_bytes(server, basemap):
    status, headers, body = ask(server, "HEAD")
    assert (status, headers["content-length"], headers["content-type"], body) == (200, str(basemap.stat().st_size), MEDIA_TYPE, b"")
    status, headers, body = ask(server, "HEAD", Range="bytes=0-126")
    assert (status, headers["content-length"], body) == (206, "127", b"")


def test_a_file_that_has_not_changed_is_not_sent_again(server, basemap):
    _, headers, _ = ask(server)
    modified = parsedate_to_datetime(headers["last-modified"]).timestamp()
    assert modified == int(basemap.stat().st_mtime)
    assert headers["cache-control"] == "no-cache"
    status, _, body = ask(server, If_Modified_Since=headers["last-modified"])
    assert (status, body) == (304, b"")
    assert ask(server, If_Modified_Since=formatdate(modified - 1, usegmt=True))[0] == 200
    if "etag" in headers:
        assert ask(server, If_None_Match=headers["etag"])[0] == 304


def test_other_methods_are_refused(server):
    status, headers, body = ask(server, "DELETE")
    assert (status, headers["content-type"]) == (405, "application/problem+json")
    assert json.loads(body)["title"] == "method not allowed"


def test_without_the_flag_the_refusal_names_it(demo):
    server = demo("--simulate", "100")
    server.wait_until_caught_up()
    assert server.meta()["basemap"] is None
    status, headers, body = ask(server)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    detail = "no base map was given: start with `--basemap FILE.pmtiles`"
    assert json.loads(body) == {"type": "about:blank", "title": "not found", "status": 404, "detail": detail}
    server.stop()


#: What is not a base map, and what the command says of it.
WRONG = {
    "text": (lambda whole: b"streets, streets, streets\n" * 100, "it is not a usable PMTiles file of version 3: Invalid magic number"),
    "empty": (lambda whole: b"", "it is not a usable PMTiles file of version 3: Invalid header"),
    "version 2": (lambda whole: whole[:7] + b"\x02" + whole[8:], "it is not a usable PMTiles file of version 3: Invalid PMTiles version"),
    "cut": (lambda whole: whole[:100], "it is not a usable PMTiles file of version 3: Invalid header"),
    "tiles of no known form": (lambda whole: whole[:99] + b"\x00" + whole[100:], "its tiles cannot be drawn: they must be mvt, png, jpeg, webp or avif"),
    "missing": (None, "it cannot be read: No such file or directory (os error 2)"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_wrong_file_ends_the_command_before_it_prints_an_address(basemap, tmp_path, command, wrong):
    spoil, why = WRONG[wrong]
    path = tmp_path / "wrong.pmtiles"
    if spoil:
        path.write_bytes(spoil(basemap.read_bytes()))
    place = ("--dir", tmp_path / "b", "--simulate", "100") if command == "demo" else ("--snapshots", tmp_path)
    done = run_to_end(BINARY, command, "--listen", "127.0.0.1:0", *place, "--basemap", path, code=1)
    assert "http://" not in done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.partition(" ERROR ")[2] == f"`--basemap {path}`: {why}"
    assert not (tmp_path / "b").exists()


def test_the_page_shows_the_base_map_and_asks_nobody_else(server, visit):
    # `visit` fails the test where another host is asked.
    ranges = []
    page = visit(server)
    page.on("request", lambda request: ranges.append(request.headers.get("range")) if request.url == server.url + PATH else None)
    with page.expect_request(server.url + PATH):
        page.reload()
    attribution = page.get_by_test_id("attribution")
    expect(attribution).to_have_text("© Some mappers")
    expect(attribution.get_by_role("link")).to_have_attribute("href", "https://www.openstreetmap.org/copyright")
    page.wait_for_selector("html[data-ready=true]")
    assert ranges and all(each and each.startswith("bytes=") for each in ranges), ranges
