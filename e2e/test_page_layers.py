"""The map's layers on the page: legend, table and API say the same, whatever is filtered."""

import random
import time
from collections import Counter

import pytest
from conftest import PATIENCE_MS
from pages import axe_finds, follow
from playwright.sync_api import expect

LAYERS = ["count", "density", "hotspots", "emerging", "change", "peaks"]
#: As the page names them in legend and table.
HOT = {
    "hot_99": "hot, 99 % confidence",
    "hot_95": "hot, 95 %",
    "hot_90": "hot, 90 %",
    "not_significant": "not significant",
    "cold_90": "cold, 90 %",
    "cold_95": "cold, 95 %",
    "cold_99": "cold, 99 % confidence",
}


@pytest.fixture(scope="module")
def server(any_city):
    return any_city


def legend(page) -> dict[str, int]:
    """Members of each class, by its label."""
    rows = page.get_by_test_id("legend").locator("li").evaluate_all(
        """rows => rows.map(row => [row.querySelector(".legend-range").textContent,
            row.querySelector(".legend-cells").firstChild.textContent])"""
    )
    return {label: int(members.replace(",", "")) for label, members in rows if members[0].isdigit()}


def table(page) -> list[list[str]]:
    return page.get_by_test_id("table").locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent))")


def test_the_switch_is_moved_by_arrow_keys_and_lives_in_the_address(view, server):
    page = view(server)
    page.get_by_test_id("layer-count").focus()
    for layer in LAYERS[1:]:
        page.keyboard.press("ArrowRight")
        expect(page.get_by_test_id(f"layer-{layer}")).to_be_checked()
        page.wait_for_url(lambda address, layer=layer: f"layer={layer}" in address)


def test_no_sky_is_drawn(view, server):
    """The map is seen from above. In software, drawing the sky took longer than the rest of the frame."""
    page = view(server)
    page.evaluate(
        """() => {
            window.drawn = { sky: 0, all: 0 };
            const draw = WebGL2RenderingContext.prototype.drawElements;
            WebGL2RenderingContext.prototype.drawElements = function (...how) {
                const shaders = this.getAttachedShaders(this.getParameter(this.CURRENT_PROGRAM));
                drawn.sky += shaders.some(shader => this.getShaderSource(shader).includes("u_horizon_color"));
                drawn.all += 1;
                return draw.apply(this, how);
            };
        }"""
    )
    page.get_by_test_id("layer-hotspots").check()
    page.wait_for_function("() => drawn.all > 0")
    assert page.evaluate("() => drawn.sky") == 0
    page.close()


def test_hot_spots_are_the_api_s(view, server):
    query = {"from": "2017-06-01", "category": "ROBBERY", "resolution": 9}
    answer = server.json("/api/v1/hotspots", **query)
    page = view(server, "?layer=hotspots&from=2017-06-01&category=ROBBERY&resolution=9&table=hexagons")
    classes = Counter(cell["class"] for cell in answer["cells"])
    assert legend(page) == {label: classes[name] for name, label in HOT.items()}
    words = page.get_by_test_id("legend").inner_text()
    assert f"n = {answer['n']:,}" in words
    assert f"|z| ≥ {answer['critical_z']:.2f}" in words
    assert (answer["caution"] or "") in words
    expect(page.get_by_test_id("unmapped")).to_contain_text(f"{answer['unmapped']:,}" if answer["unmapped"] else "Every")
    first = max(answer["cells"], key=lambda cell: cell["z"])
    row = table(page)[0]
    assert row[0] == first["cell"]
    assert row[1].lower() == HOT[first["class"]]
    assert row[2] == f"{first['z']:+.2f}"
    assert row[4:] == [f"{first['count']:,}", f"{first['neighborhood']:,}"]
    # The other way round: the coldest first, out of all cells, not out of those that were shown.
    page.get_by_role("button", name="z (Gi*)").click()
    expect(page.get_by_test_id("table").locator("tbody tr").first.locator("td").nth(2)).to_have_text(
        f"{min(cell['z'] for cell in answer['cells']):+.2f}".replace("-", "−")
    )
    page.close()


def test_emerging_patterns_are_the_api_s(view, server):
    answer = server.json("/api/v1/emerging", **{"from": "2016-01-01", "category": "THEFT", "resolution": 8})
    page = view(server, "?layer=emerging&from=2016-01-01&category=THEFT&resolution=8")
    found = {
        "no pattern" if name == "not_detected" else f"{name.replace('_', ' ')} spot": members
        for name, members in answer["patterns"].items()
        if members
    }
    assert legend(page) == found
    words = page.get_by_test_id("legend").inner_text()
    assert f"{len(answer['steps'])} months" in words
    assert f"n = {answer['n']:,}" in words
    assert (answer["caution"] or "") in words


def test_density_is_the_api_s_and_says_its_unit(view, server):
    answer = server.json("/api/v1/density", **{"from": "2016-01-01", "to": "2017-01-01", "category": "BURGLARY"})
    page = view(server, "?layer=density&from=2016-01-01&to=2017-01-01&category=BURGLARY&table=hexagons")
    words = page.get_by_test_id("legend").inner_text()
    assert "Incidents per km² and year" in words
    assert "bandwidth 400 m" in words
    assert f"n = {answer['mapped']:,} incidents in 1 year" in words
    assert sum(legend(page).values()) == sum(value > 0 for value in answer["values"])
    assert table(page)[0][2] == f"{answer['greatest']:,.0f}"


@pytest.mark.parametrize("compared", ["before", "year"])
def test_change_is_the_api_s_and_names_both_periods(view, server, compared):
    query = {"from": "2017-07-01", "to": "2017-09-01", "category": "THEFT", "resolution": 8}
    before = {"before_from": "2016-07-01", "before_to": "2016-09-01"} if compared == "year" else {}
    answer = server.json("/api/v1/change", **query, **before)
    page = view(server, "?layer=change&from=2017-07-01&to=2017-09-01&category=THEFT&resolution=8&table=hexagons")
    if compared == "year":
        page.get_by_test_id("compared").select_option("year")
        page.wait_for_url(lambda address: "compared=year" in address)
    expect(page.get_by_test_id("legend")).to_contain_text(f"{answer['before_mapped']:,} before")
    classes = Counter(cell["class"] for cell in answer["cells"])
    assert legend(page) == {
        "more than before": classes["more"],
        "no significant change": classes["same"],
        "fewer than before": classes["fewer"],
    }
    words = page.get_by_test_id("legend").inner_text()
    assert "1 Jul 2017 – 31 Aug 2017" in words
    assert ("1 Jul 2016 – 31 Aug 2016" if compared == "year" else "30 Apr 2017 – 30 Jun 2017") in words
    # Signs of differences are those of typography.
    rows = {row[0]: (row[2], row[3], row[4].replace("−", "-")) for row in table(page)}
    found = {cell["cell"]: cell for cell in answer["cells"]}
    for cell, figures in rows.items():
        each = found[cell]
        difference = f"{each['difference']:+,}" if each["difference"] else "0"
        assert figures == (f"{each['count']:,}", f"{each['before']:,}", difference)


def test_areas_are_coloured_by_their_peak(view, server):
    answer = server.json("/api/v1/peaks", limit=500, at="2017-08-06T06:00")
    best = {}
    for window in answer["windows"]:
        for peak in window["peaks"]:
            best[peak["area"]] = min(best.get(peak["area"], 1), peak["q"])
    expected = {
        "far beyond": sum(q <= 0.001 for q in best.values()),
        "beyond": sum(0.001 < q <= 0.05 for q in best.values()),
        "somewhat beyond": sum(0.05 < q <= 0.1 for q in best.values()),
    }
    page = view(server, "?layer=peaks&at=2017-08-06T06:00")
    assert legend(page) == expected


#: What the page shows, at once: total, whether it waits, members of the classes, what is not on the map, and the table's first rows.
SHOWN = """() => ({
    total: document.querySelector("[data-testid=total]").textContent,
    waits: document.querySelector("[data-testid=map]").ariaBusy,
    members: [...document.querySelectorAll("[data-testid=legend] .legend-cells")].map(each => each.firstChild.textContent),
    unmapped: document.querySelector("[data-testid=unmapped]")?.textContent ?? null,
    caption: document.querySelector("[data-testid=table] caption")?.textContent ?? null,
    rows: [...document.querySelectorAll("[data-testid=table] tbody tr")].map(row => [row.cells[1].textContent, row.cells[2].textContent]),
})"""


def random_filter(dice: random.Random, meta, layer) -> dict[str, str]:
    year = dice.randint(2012, 2017)
    query = {"from": f"{year}-{dice.randint(1, 12):02}-01", "to": f"{year + 1}-{dice.randint(1, 12):02}-01"}
    if dice.random() < 0.1:
        query["to"] = f"{year + 1}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}T{dice.randint(0, 23):02}:30"
    if dice.random() < 0.6:
        query["category"] = dice.choice(meta["categories"][:12])
    if dice.random() < 0.3:
        query["area"] = f"{layer['name']}:{dice.choice(layer['areas'])['code']}"
    for name in ("arrest", "domestic"):
        if dice.random() < 0.25:
            query[name] = dice.choice(["true", "false"])
    if dice.random() < 0.2:
        first = dice.randint(0, 140)
        query["hour_of_week"] = f"{first}-{first + dice.randint(1, 27)}"
    if dice.random() < 0.15:
        west, south = dice.uniform(-87.9, -87.65), dice.uniform(41.65, 41.9)
        query["bbox"] = f"{west:.4f},{south:.4f},{west + 0.1:.4f},{south + 0.1:.4f}"
    return query


def test_table_map_legend_and_total_agree_under_any_filter(view, server):
    meta = server.meta()
    dice = random.Random(14)
    layer = next(each for each in meta["layers"] if each["primary"])
    page = view(server, "?resolution=8&table=hexagons")
    for _ in range(200):
        query = random_filter(dice, meta, layer)
        answer = server.json("/api/v1/cells", resolution=8, **query)
        total = answer["mapped"] + answer["unmapped"]
        ranked = sorted(answer["cells"], key=lambda cell: (-cell[1], cell[0]))[:100]
        expected = {
            "total": f"{total:,}",
            "waits": "false",
            "cells": len(answer["cells"]),
            "unmapped": f"{answer['unmapped']:,}" if answer["unmapped"] else "Every",
            "rows": [[cell, f"{count:,}"] for cell, count in ranked],
        }
        follow(page, "?resolution=8&table=hexagons&" + "&".join(f"{name}={value}" for name, value in query.items()))

        def found() -> dict:
            shown = page.evaluate(SHOWN)
            return {
                "total": shown["total"],
                "waits": shown["waits"],
                "cells": sum(int(each.replace(",", "")) for each in shown["members"] if each[0].isdigit()),
                # Where nothing matches, there is nothing to say of places.
                "unmapped": (shown["unmapped"] or "Every").split(" ")[0],
                "rows": shown["rows"],
            }

        page.wait_for_function("() => document.querySelector('[data-testid=map]').ariaBusy === 'false'")
        until = time.monotonic() + PATIENCE_MS / 1000
        while (shown := found()) != expected:
            assert time.monotonic() < until, f"{query}: the page shows {shown}, the API {expected}"
            page.wait_for_timeout(20)  # the interval of asking, not a hope: the comparison decides


def test_a_refused_layer_says_why_and_shows_no_other(view, server):
    page = view(server, "?from=2017-06-01")
    assert legend(page)
    page.get_by_test_id("layer-emerging").check()
    expect(page.get_by_test_id("map")).to_contain_text("The server could not answer")
    assert not legend(page)
    page.get_by_test_id("layer-count").check()
    expect(page.get_by_test_id("map")).not_to_contain_text("The server could not answer")
    expect(page.get_by_test_id("legend")).to_contain_text("Incidents per hexagon")
    # The browser notes the refusal.
    view.complaints[:] = [text for text in view.complaints if "400" not in text]
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anyone_out_of_a_layer(view, server, scheme):
    queries = {layer: f"?layer={layer}&at=2017-08-06T06:00&from=2016-01-01&table=hexagons" for layer in LAYERS}
    page = view(server, queries[LAYERS[0]], scheme=scheme)
    found = {}
    for layer, query in queries.items():
        follow(page, query)
        expect(page.get_by_test_id(f"layer-{layer}")).to_be_checked()
        expect(page.get_by_test_id("map")).to_have_attribute("aria-busy", "false")
        found[layer] = axe_finds(page)
    assert found == {layer: [] for layer in LAYERS}
