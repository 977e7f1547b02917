"""Hot spots against the implementation that the field trusts: esda, on the same cells, counts and neighbours."""

import esda
import h3
import numpy
import pytest
from libpysal.weights import W
from scipy.stats import norm

LOADS = ["whole_city", "outlined_city"]


@pytest.fixture(scope="module", params=LOADS)
def server(request):
    return request.getfixturevalue(request.param)


QUERIES = [
    {"resolution": 9},
    {"resolution": 8, "category": "BURGLARY", "from": "2014-01-01", "to": "2017-01-01"},
    {"resolution": 9, "category": ["HOMICIDE"], "confidence": 95},
    {"resolution": 9, "category": "THEFT", "bbox": "-87.70,41.85,-87.60,41.95", "confidence": 99},
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: "-".join(map(str, query.values())))
def test_gi_star_equals_esda(server, query):
    answer = server.json("/api/v1/hotspots", **query)
    cells = answer["cells"]
    assert answer["study_area"] == ("outline" if server.outlined else "within_reach")
    assert answer["n"] == answer["tests"] == len(cells)
    # A box is of whole cells.
    counts = dict(server.json("/api/v1/cells", **{name: value for name, value in query.items() if name not in ("confidence", "bbox")})["cells"])
    ours = {cell["cell"]: cell["count"] for cell in cells}
    assert {cell: count for cell, count in ours.items() if count} == {
        cell: count for cell, count in counts.items() if cell in ours
    }
    assert sum(ours.values()) == answer["mapped"]
    if "bbox" not in query:
        # The study area holds more than the cells that this selection fills.
        assert len(ours) > len(counts)

    else:
        west, south, east, north = map(float, query["bbox"].split(","))
        inside = [south <= latitude <= north and west <= longitude <= east for latitude, longitude in map(h3.cell_to_latlng, ours)]
        assert all(inside) and answer["unmapped"] == 0
    neighbors = {cell: [other for other in h3.grid_ring(cell, 1) if other in ours] for cell in ours}
    assert all(cell["neighborhood"] == cell["count"] + sum(ours[other] for other in neighbors[cell["cell"]]) for cell in cells)
    few = sum(ours.values()) * 7 / len(ours) < 10
    assert (answer["caution"] is not None) == few == (query.get("category") == ["HOMICIDE"])
    assert all(cell["neighbors"] == len(neighbors[cell["cell"]]) for cell in cells)
    weights = W(neighbors, id_order=list(ours), silence_warnings=True)
    x = numpy.array([ours[cell] for cell in weights.id_order], dtype=float)
    theirs = esda.G_Local(x, weights, transform="B", star=True, permutations=0)
    z = numpy.array([cell["z"] for cell in cells])
    assert numpy.abs(z - theirs.Zs).max() < 1e-9
    p = numpy.array([cell["p"] for cell in cells])
    assert numpy.allclose(p, 2 * norm.sf(numpy.abs(theirs.Zs)), rtol=1e-9, atol=0)
    # Selected by q is selected by esda's threshold, at each level.
    q = numpy.array([cell["q"] for cell in cells])
    for alpha in (0.10, 0.05, 0.01):
        assert ((q <= alpha) == (p <= esda.fdr(p, alpha))).all()
    least = 1 - query.get("confidence", 90) / 100
    significant = q <= least + 1e-12
    named = numpy.array([cell["class"] != "not_significant" for cell in cells])
    assert (named == significant).all()
    assert answer["critical_z"] == (numpy.abs(z[significant]).min() if significant.any() else None)
    hot = {cell["class"] for cell in cells if cell["z"] > 0 and cell["q"] <= 0.01}
    assert hot <= {"hot_99"}


def test_undefined_statistics_are_null_and_not_nan(server):
    answer = server.json("/api/v1/hotspots", resolution=9, category="HOMICIDE", to="2012-01-01")
    assert answer["tests"] == 0
    assert answer["n"] > 1000
    assert answer["critical_z"] is None
    assert {(cell["z"], cell["p"], cell["q"], cell["class"]) for cell in answer["cells"]} == {(None, None, None, "not_significant")}
    one = server.json("/api/v1/hotspots", resolution=7, bbox="-87.6400,41.8750,-87.6390,41.8760")
    assert one["n"] <= 1
    assert one["tests"] == 0
    for wrong in ({"confidence": 80}, {"resolution": 6}, {"from": "2016-01-01", "to": "2015-01-01"}, {"sigma": 2}):
        status, _, body = server.get("/api/v1/hotspots", **wrong)
        assert status == 400, body


def test_arrow_has_the_cells_of_json(server):
    import pyarrow

    _, _, body = server.get("/api/v1/hotspots", "application/vnd.apache.arrow.stream", resolution=8)
    cells = server.json("/api/v1/hotspots", resolution=8)["cells"]
    for row, cell in zip(pyarrow.ipc.open_stream(body).read_all().to_pylist(), cells, strict=True):
        assert (row.pop("latitude"), row.pop("longitude")) == pytest.approx(h3.cell_to_latlng(cell["cell"]), abs=1e-7)
        assert row == cell
