"""Outlines of areas: fetched from the portal, filled in where a source says no area, and compared with what it says."""

import json
import re
import threading
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import BINARY, OUTLINES, ROOT, run_to_end
from data import real
from deltalake import DeltaTable
from outlines import Areas
from reference import Reference, without_zeros

DATASETS = {"community_area": "igwz-8jzy", "district": "24zt-jpfn", "beat": "n9it-hstw"}


def square(west, south, east, north, **properties):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Feature", "properties": {":id": "row", **properties}, "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]}}


def collection(*features):
    return {"type": "FeatureCollection", "features": list(features)}


class Portal(ThreadingHTTPServer):
    """Boundary datasets by their ids, and how often it is asked too often first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        west, middle, east = -87.95, -87.65, -87.5
        self.datasets = {
            "igwz-8jzy": collection(
                square(west, 41.6, middle, 42.1, area_numbe="8", community="NEAR NORTH SIDE"),
                square(middle, 41.6, east, 42.1, area_numbe="32", community="LOOP"),
            ),
            "24zt-jpfn": collection(square(west, 41.6, east, 42.1, dist_num="1")),
            "n9it-hstw": collection(square(west, 41.6, east, 42.1, beat_num="111")),
        }
        self.throttled = 0
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        self.server.asked.append((url.path, dict(urllib.parse.parse_qsl(url.query)), self.headers.get("X-App-Token")))
        dataset = url.path.removeprefix("/resource/").removesuffix(".geojson")
        if self.server.throttled:
            self.server.throttled -= 1
            return self.answer(429, {"message": "slow down"})
        if dataset not in self.server.datasets:
            return self.answer(404, {"message": "Not found"})
        self.answer(200, self.server.datasets[dataset])

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.geo+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def portal():
    server = Portal()
    yield server
    server.close()


@pytest.fixture
def city(tmp_path, portal):
    text = (ROOT / "cities" / "chicago.toml").read_text()
    path = tmp_path / "city.toml"
    path.write_text(text.replace('domain = "data.cityofchicago.org"', f'domain = "http://localhost:{portal.server_address[1]}"'))
    assert "localhost" in path.read_text()
    return path


def run(*arguments, code=0, **env) -> str:
    done = run_to_end(BINARY, *arguments, code=code, env=env)
    assert "hush" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def layers(server):
    return {layer["name"]: (layer["boundaries"], layer["disagreeing"]) for layer in server.meta()["layers"]}


def test_demo_serves_the_outlines_that_were_downloaded(portal, city, sample, demo, blotter, tmp_path):
    portal.throttled = 1
    folder = tmp_path / "blotter"
    said = run("boundaries", "--city", city, "--dir", folder, BLOTTER_APP_TOKEN="hush")
    assert "; retrying" in said
    assert f"community_area: 2 areas in {folder}/boundaries/community_area.geojson" in said
    assert sorted(path.name for path in (folder / "boundaries").iterdir()) == sorted(f"{layer}.geojson" for layer in DATASETS)
    for layer, dataset in DATASETS.items():
        stored = json.loads((folder / "boundaries" / f"{layer}.geojson").read_text())
        assert stored.pop("checksum").startswith("xxh3:")
        assert stored == portal.datasets[dataset]
    assert {path for path, _, _ in portal.asked} == {f"/resource/{dataset}.geojson" for dataset in DATASETS.values()}
    assert all(int(query["$limit"]) > 50_000 and token == "hush" for _, query, token in portal.asked)

    # The demo finds them, and so does who reads its snapshots; what is given by hand overrules.
    wide = tmp_path / "wide.geojson"
    wide.write_text(json.dumps(collection(square(-88, 41, -87, 43, beat_num="9999"))))
    data = sample("chicago-2015-10-sample.csv")
    server = demo("--city", city, "--data", data, "--boundaries", f"beat={wide}", dir=folder)
    server.wait_until_caught_up()
    found = layers(server)
    assert [found[layer][0] for layer in ("community_area", "district", "beat", "ward")] == [True, True, True, False]
    assert found["ward"][1] is None and found["district"][1] > 0
    mapped = server.meta()["incidents"]["mapped"]
    assert found["beat"][1] == mapped
    outlines = server.json("/api/v1/boundaries/district")
    assert [feature["properties"] for feature in outlines["features"]] == [{"code": "001", "name": "001"}]
    metrics = server.get("/metrics")[2].decode()
    assert f'blotter_disagreeing{{layer="beat"}} {mapped}\n' in metrics and 'blotter_disagreeing{layer="ward"}' not in metrics
    assert server.json("/api/v1/hotspots", resolution=8)["study_area"] == "outline"
    server.stop()
    alone = blotter("serve", "--city", city, "--snapshots", folder / "snapshots", "--listen", "127.0.0.1:0")
    alone.wait_for_address()
    alone.wait_until_caught_up()
    assert {layer: known for layer, (known, _) in layers(alone).items()} == {layer: layer in DATASETS for layer in found}
    assert layers(alone)["district"] == found["district"]
    alone.stop()


def test_a_failed_download_keeps_the_old_file_and_the_other_layers(portal, city, tmp_path):
    folder = tmp_path / "outlines"
    run("boundaries", "--city", city, "--to", folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    portal.datasets["igwz-8jzy"]["features"].pop()
    del portal.datasets["24zt-jpfn"]
    portal.datasets["n9it-hstw"] = collection(square(-88, 41, -87, 43, beat="9", sector="1"))
    said = run("boundaries", "--city", city, "--to", folder, code=1)
    assert "community_area: 1 areas" in said
    assert "district, dataset 24zt-jpfn" in said and "404" in said
    assert "no property `beat_num` with the area's code, but beat, sector" in said
    assert "2 of 3 layers are not fetched" in said
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {"community_area.geojson"}
    # A new directory has what could be had.
    run("boundaries", "--city", city, "--to", tmp_path / "new", code=1)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["community_area.geojson"]


def test_a_profile_without_datasets_names_the_flag_for_files(tmp_path):
    text = "\n".join(line for line in (ROOT / "cities" / "chicago.toml").read_text().splitlines() if not line.startswith("boundaries ="))
    (tmp_path / "city.toml").write_text(text)
    said = run("boundaries", "--city", tmp_path / "city.toml", "--to", tmp_path, code=1)
    assert "--boundaries LAYER=PATH" in said


def test_produce_adds_areas_that_the_source_leaves_out(portal, city, blotter, tmp_path):
    folder = tmp_path / "outlines"
    run("boundaries", "--city", city, "--to", folder)
    data = tmp_path / "data.csv"
    rows = ["1,,-87.70", "2,,-87.60", "3,77,-87.70", "4,,", "5,0,-87.65", "6,,-80.0"]
    header = "ID,Community Area,Longitude,Latitude,Date,Primary Type,Beat,District\n"
    data.write_text(header + "".join(f"{row},41.9,01/02/2017 03:04:05 AM,THEFT,0111,001\n" for row in rows))
    log, snapshots = f"embedded:{tmp_path}/log", tmp_path / "snapshots"
    given = ["--boundaries", f"community_area={folder / 'community_area.geojson'}"]
    said = run("produce", "--city", city, "--data", data, "--log", log, "--until-caught-up", *given)
    assert "6 incidents appended, 0 rejected, 3 given an area by their point" in said
    expect = {"1": "8", "2": "32", "3": "77", "4": None, "5": "32", "6": None}
    server = blotter("serve", "--city", city, "--log", log, "--snapshots", snapshots, "--listen", "127.0.0.1:0", *given)
    server.wait_for_address()
    server.wait_until(lambda meta: meta["incidents"]["total"] == 6, "loaded")
    incidents = server.json("/api/v1/incidents")["incidents"]
    assert {incident["id"]: incident["areas"].get("community_area") for incident in incidents} == expect
    assert layers(server)["community_area"] == (True, 1)
    server.stop()
    run("count", "--city", city, "--log", log, "--store", f"file://{tmp_path}/store", "--until-caught-up")
    counted = [line.split(",") for line in run("counts", "--city", city, "--log", log).splitlines()[1:]]
    assert {area: int(count) for _, area, _, count in counted} == {"": 2, "8": 1, "32": 2, "77": 1}


# ----- the real file, with the city's real outlines ------------------------------------------------


CODES = {
    "community_area": lambda properties: str(int(properties["area_numbe"])),
    "district": lambda properties: properties["dist_num"].zfill(3),
    "beat": lambda properties: properties["beat_num"].zfill(4),
}


@pytest.fixture(scope="module")
def reference(city_database):
    return Reference(city_database)


@pytest.fixture(scope="module")
def areas():
    why = "the outlines of the city's areas are not simulated"
    return {layer: Areas(real(f"chicago-{OUTLINES[layer]}.geojson.zst", why), code) for layer, code in CODES.items()}


@pytest.fixture(scope="module")
def filled(reference, areas):
    """By layer, the codes that rows without one are given, by id."""
    answer = {}
    for layer, outlines in areas.items():
        rows = reference.db.execute(
            f"SELECT id, longitude, latitude FROM incidents WHERE {layer} IS NULL AND latitude IS NOT NULL"
            " AND NOT (latitude = 0 AND longitude = 0)"
        ).fetchall()
        found = outlines.at([x for _, x, _ in rows], [y for _, _, y in rows])
        assert all(len(codes) <= 1 for codes in found)
        answer[layer] = {id: codes[0] for (id, _, _), codes in zip(rows, found) if codes}
    return answer


@pytest.fixture(scope="module")
def loaded(outlined_city):
    return outlined_city


def test_incidents_without_an_area_get_the_area_of_their_point(loaded, outlined_load, reference, filled):
    assert len(filled["community_area"]) > 0
    ids = set().union(*filled.values())
    line = re.search(r"caught up after .*: (.*)", (outlined_load / "said").read_text()).group(1)
    assert f", {len(ids):,} given an area by their point" in line
    for layer, codes in filled.items():
        expect = Counter({area: sum(years.values()) for area, years in reference.series(layer, "year").items()})
        expect.update(codes.values())
        expect[""] -= len(codes)
        ours = without_zeros(loaded.json("/api/v1/series", by=layer, bucket="year"))
        assert {area: sum(years.values()) for area, years in ours.items()} == {area: count for area, count in expect.items() if count}
    # And so in the archive, one by one.
    table = DeltaTable(str(loaded.folder / "store" / "incidents")).to_pyarrow_table(columns=["id", "areas"])
    archived = dict(zip(table["id"].to_pylist(), table["areas"].to_pylist(), strict=True))
    for layer, codes in filled.items():
        assert {id: archived[id][layer] for id in codes} == codes
        missing = reference.total(f"{layer} IS NULL") - len(codes)
        assert sum(areas[layer] is None for areas in archived.values()) == missing


def test_areas_that_disagree_with_the_outlines_are_counted(loaded, reference, areas):
    found = layers(loaded)
    assert found["ward"] == (False, None)
    for layer, outlines in areas.items():
        rows = reference.db.execute(
            f"SELECT longitude, latitude, {layer}, count(*) FROM incidents WHERE mapped AND {layer} IS NOT NULL GROUP BY ALL"
        ).fetchall()
        points = sorted({(x, y) for x, y, _, _ in rows})
        within = dict(zip(points, outlines.at([x for x, _ in points], [y for _, y in points]), strict=True))
        expect = sum(count for x, y, code, count in rows if within[x, y] and code != min(within[x, y], key=lambda code: (len(code), code)))
        assert found[layer] == (True, expect)
        assert 0 < expect < reference.total("mapped") / 2


def test_counts_include_added_areas_and_a_fresh_load_gives_the_same(loaded, blotter):
    """Last of all that ask this server: stops it."""
    before = layers(loaded)
    ours = without_zeros(loaded.json("/api/v1/series", by="community_area", bucket="year"))
    loaded.stop()
    counted = Counter()
    for line in run("counts", "--log", f"embedded:{loaded.folder}/log").splitlines()[1:]:
        # Categories may hold commas; areas and times do not.
        _, area, rest = line.split(",", 2)
        counted[area] += int(rest.rsplit(",", 1)[1])
    assert {area: count for area, count in counted.items() if count} == {area: sum(years.values()) for area, years in ours.items()}
    given = [argument for argument in loaded.process.args if argument.startswith("--boundaries")]
    again = blotter("serve", "--snapshots", loaded.folder / "snapshots", "--listen", "127.0.0.1:0", *given)
    again.wait_for_address()
    again.wait_until_caught_up()
    assert layers(again) == before
    again.stop()
