"""The page in a real browser: light and dark, wide and narrow, with and without data, live."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import BINARY, PATIENCE_MS, Server
from data import DATA
from pages import axe_finds
from playwright.sync_api import Page, expect

OUTLINES = DATA / "chicago-community-areas.geojson.zst"
SCREENS = [("wide", 1440, 900), ("narrow", 390, 844)]


@pytest.fixture(scope="module")
def some_csv(sample) -> Path:
    """Ten thousand incidents."""
    return sample("chicago-2024-sample-bom.csv")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, some_csv):
    """These incidents, with outlines where they are here."""
    folder = tmp_path_factory.mktemp("browser") / "blotter"
    server = Server(
        "demo", "--listen", "127.0.0.1:0", "--dir", str(folder),
        "--data", str(some_csv),
        *(["--boundaries", f"community_area={OUTLINES}"] if OUTLINES.exists() else []),
    )  # fmt: skip
    server.wait_for_address()
    server.wait_until_caught_up()
    yield server
    server.stop()


def keep(page: Page, name: str) -> None:
    """A picture for people, where they ask for them."""
    if folder := os.environ.get("BLOTTER_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def colours_of_map(page: Page) -> int:
    """How many different colours the map's picture has: hexagons, ground and outlines are more than a blank."""
    from io import BytesIO

    from PIL import Image

    picture = Image.open(BytesIO(page.get_by_test_id("map").screenshot())).convert("RGB")
    return len(picture.getcolors(maxcolors=1 << 24) or [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("screen", "width", "height"), SCREENS)
def test_everything_is_on_the_page(view, loaded, scheme, screen, width, height):
    page = view(loaded, scheme=scheme, width=width, height=height)
    expect(page.get_by_test_id("total")).to_contain_text(f"{loaded.meta()['incidents']['total']:,}")
    for part in ("map", "legend", "series", "ranked", "freshness", "disclaimer"):
        expect(page.get_by_test_id(part).first).to_be_attached()
    expect(page.get_by_test_id("legend")).to_contain_text("Incidents per hexagon")
    expect(page.get_by_test_id("disclaimer")).to_contain_text("City of Chicago")
    expect(page.get_by_test_id("simulated-banner")).to_have_count(0)
    assert colours_of_map(page) > 100
    # Nothing hangs over the edge of a narrow screen.
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    dark = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(int(part) for part in dark.strip("rgba()").split(",")[:3]) < 200) == (scheme == "dark")
    keep(page, f"{screen}-{scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("screen", "width", "height"), SCREENS)
def test_nothing_keeps_anyone_out(view, loaded, scheme, screen, width, height):
    page = view(loaded, scheme=scheme, width=width, height=height)
    assert axe_finds(page) == []


def test_a_filter_reaches_every_view_and_the_address(visit, loaded):
    page = visit(loaded)
    page.get_by_test_id("filter-category").select_option("THEFT")
    thefts = loaded.json("/api/v1/series", by="none", bucket="year", category="THEFT")["series"][0]["counts"]
    expect(page.get_by_test_id("total")).to_contain_text(f"{sum(thefts):,}")
    assert "category=THEFT" in page.url
    # The address alone brings the same view back.
    again = visit(loaded, "?" + page.url.split("?", 1)[1])
    expect(again.get_by_test_id("total")).to_contain_text(f"{sum(thefts):,}")
    page.go_back()
    expect(page.get_by_test_id("total")).to_contain_text(f"{loaded.meta()['incidents']['total']:,}")


def test_the_map_is_moved_and_brought_back(visit, loaded):
    page = visit(loaded)
    page.get_by_label("Zoom in").click()
    page.wait_for_url(lambda address: "map=" in address)
    page.get_by_label("Show the whole city").click()
    page.wait_for_url(lambda address: "map=" not in address)
    # A window of another size is no wish of the reader's.
    page.set_viewport_size({"width": 1000, "height": 700})
    expect(page.get_by_test_id("legend")).to_be_visible()
    assert "map=" not in page.url


def test_the_theme_can_be_chosen(visit, loaded):
    page = visit(loaded, scheme="light")
    before = page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
    for _ in range(3):
        page.get_by_test_id("theme-toggle").click()
        if page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor") != before:
            break
    else:
        pytest.fail("no choice of theme changed the page")


def test_without_data(visit, demo, tmp_path, some_csv):
    header = some_csv.open("rb").readline()
    (tmp_path / "empty.csv").write_bytes(header)
    server = demo("--data", tmp_path / "empty.csv")
    server.wait_until_caught_up()
    page = visit(server)
    expect(page.get_by_test_id("total")).to_contain_text("0")
    assert "NaN" not in page.inner_text("body") and "undefined" not in page.inner_text("body")
    keep(page, "empty")
    page.close()
    server.stop()


def test_simulated_says_so_and_the_live_edge_moves(visit, demo):
    server = demo("--simulate-rate", "50")
    server.wait_until_caught_up()
    assert "simulated" in server.output
    page = visit(server)
    expect(page.get_by_test_id("simulated-banner")).to_be_visible()
    total = page.get_by_test_id("total")
    first = total.inner_text()
    expect(total).not_to_have_text(first, timeout=PATIENCE_MS)
    keep(page, "simulated")
    page.close()
    server.stop()


def test_it_says_when_the_server_is_gone(visit, demo, some_csv):
    server = demo("--data", some_csv)
    server.wait_until_caught_up()
    page = visit(server)
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-state", "live")
    server.stop()
    expect(page.get_by_test_id("freshness")).to_have_attribute("data-state", "unreachable", timeout=PATIENCE_MS)
    page.close()
    # A browser reports the lost connection itself; that is no fault of the page.
    visit.complaints[:] = [text for text in visit.complaints if "net::ERR_" not in text]


def test_the_commands_help_is_complete():
    for command in ("demo", "produce", "online", "archive", "snapshot", "fetch", "serve", "rejected"):
        done = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=True)
        assert "Usage: blotter" in done.stdout
