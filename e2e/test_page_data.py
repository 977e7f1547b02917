"""The data behind the page, and what can be taken away."""

import csv
import io
import re

import pytest
from pages import axe_finds
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def test_sources_versions_and_every_query(view, server):
    meta = server.meta()
    page = view(server, "?table=data&category=THEFT")
    data = page.get_by_test_id("data-view")
    expect(data.get_by_test_id("sources")).to_contain_text(meta["sources"][0]["describe"])
    expect(data).to_contain_text(f"version {meta['snapshot']['version']}")
    expect(data).to_contain_text("None: every record could be read.")
    paths = data.get_by_test_id("queries").locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert {path.split("/api/v1/")[1].split("?")[0] for path in paths} == {"cells", "series", "peaks"}
    for path in paths:
        status, _, _ = server.get(path)
        assert status == 200, path
    assert axe_finds(page) == []


def test_rejected_records_are_shown_with_their_reason(visit, demo, sample, tmp_path):
    whole = sample("chicago-2024-sample-bom.csv").read_text(encoding="utf-8-sig").splitlines()
    (tmp_path / "some.csv").write_text("\n".join([*whole[:50], "no,such,row"]) + "\n")
    server = demo("--data", tmp_path / "some.csv", expect=("rejected",))
    meta = server.wait_until_caught_up()
    assert meta["rejected"] == 1
    [record] = server.json("/api/v1/rejected")["rejected"]
    page = visit(server, "?table=data")
    row = page.get_by_test_id("rejected").locator("tbody tr")
    expect(row).to_contain_text(record["reason"])
    expect(row).to_contain_text("no,such,row")
    page.close()
    server.stop()


def test_figures_and_picture_are_taken_away(view, server):
    page = view(server, "?layer=hotspots&category=ROBBERY&resolution=8")
    page.get_by_test_id("take-away").click()
    with page.expect_download() as download:
        page.get_by_test_id("download-csv").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    cells = server.json("/api/v1/hotspots", category="ROBBERY", resolution=8)["cells"]
    assert [(row["cell"], int(row["count"])) for row in rows] == [(cell["cell"], cell["count"]) for cell in cells]
    with page.expect_download() as download:
        page.get_by_test_id("save-picture").click()
    from PIL import Image

    picture = Image.open(download.value.path()).convert("RGB")
    map_height = page.get_by_test_id("map").bounding_box()["height"]
    assert picture.height > map_height + 100
    colours = {colour for _, colour in picture.getcolors(maxcolors=1 << 24)}
    # The hottest class is in the map and in the legend below it.
    assert (0xD6, 0x2F, 0x27) in colours
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("copy-link")).to_be_hidden()
    expect(page.get_by_test_id("take-away")).to_be_focused()


def test_embedded_is_the_map_with_its_legend(visit, server):
    page = visit(server, "?embed=1&layer=hotspots", width=800, height=600)
    expect(page.get_by_test_id("legend")).to_be_visible()
    expect(page.get_by_test_id("peaks")).to_have_count(0)
    expect(page.get_by_role("link", name="Open in Blotter")).to_have_attribute("href", re.compile(r"^/\?layer=hotspots$"))
    page.close()
