"""The brief: counts against DuckDB, the exact test against `scipy` (which does what R's `poisson.test` does), and the command."""

import csv
import io
import json
import re
from datetime import date, timedelta

import pytest
from conftest import BINARY, run_to_end
from pages import axe_finds
from reference import Reference
from scipy import stats

#: A summer week, the days around a 29 February, the first of January, and the end of the data.
MOMENTS = ["2017-08-08", "2016-03-01T06:30", "2017-03-01", "2015-01-01", None]
SPANS = ["week", "four_weeks", "year_to_date"]


@pytest.fixture(scope="module")
def server(whole_city):
    return whole_city


@pytest.fixture(scope="module")
def reference(city_database):
    return Reference(city_database)


def a_year_before(day: date) -> date:
    """29 February is 28 February there."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def days_of(end: date) -> list[tuple[date, date]]:
    last = end - timedelta(days=1)
    return [(end - timedelta(days=7), end), (end - timedelta(days=28), end), (date(last.year, 1, 1), end)]


def counts(reference: Reference, column: str, begin: date, end: date) -> dict[str, int]:
    rows = reference.db.execute(
        f"SELECT coalesce({column}, ''), count(*) FROM incidents WHERE occurred_at >= $1 AND occurred_at < $2 GROUP BY 1", [begin, end]
    ).fetchall()
    return dict(rows)


@pytest.mark.parametrize("at", MOMENTS)
def test_counts_are_those_of_the_file(server, reference, at):
    brief = server.json("/api/v1/brief", **({"at": at} if at else {}))
    newest = reference.db.execute("SELECT max(occurred_at) FROM incidents").fetchone()[0]
    end = date.fromisoformat(at[:10]) if at else (newest + timedelta(hours=1)).date()
    earliest = reference.db.execute("SELECT min(occurred_at)::DATE FROM incidents").fetchone()[0]
    assert [span["name"] for span in brief["spans"]] == SPANS
    for number, (begin, until) in enumerate(days_of(end)):
        span = brief["spans"][number]
        before = a_year_before(begin), a_year_before(until - timedelta(days=1)) + timedelta(days=1)
        assert (span["from"], span["to"], span["days"]) == (str(begin), str(until), (until - begin).days)
        assert (span["before_from"], span["before_to"]) == tuple(map(str, before))
        assert span["before_days"] == (before[1] - before[0]).days
        assert span["has_before"] == (earliest <= before[0])
        for lines, column in [(brief["categories"], "category"), (brief["areas"], "community_area"), ([brief["total"]], "''")]:
            now, then = counts(reference, column, begin, until), counts(reference, column, *before)
            if not span["has_before"]:
                then = {}
            figures = {line["key"]: line["figures"][number] for line in lines}
            assert {key: figure["observed"] for key, figure in figures.items() if figure["observed"]} == now
            assert {key: figure["before"] for key, figure in figures.items() if figure["before"]} == then


@pytest.mark.parametrize("at", MOMENTS)
def test_counts_are_compared_as_r_compares_them(server, at):
    brief = server.json("/api/v1/brief", **({"at": at} if at else {}))
    for lines in (brief["categories"], brief["areas"], [brief["total"]]):
        p, expected_p = [], []
        for line in lines:
            for span, figure in zip(brief["spans"], line["figures"], strict=True):
                now, then = figure["observed"], figure["before"]
                if then is None:
                    assert not span["has_before"]
                    assert figure["p"] is figure["q"] is figure["difference"] is figure["percent"] is None
                else:
                    assert figure["difference"] == now - then
                    share = span["days"] / (span["days"] + span["before_days"])
                    expect = stats.binomtest(now, now + then, share).pvalue if now + then else 1
                    assert figure["p"] == pytest.approx(max(expect, 1e-300), rel=1e-9)
                    p.append(figure)
                    enough = now >= 20 and then >= 20
                    assert figure["percent"] == (pytest.approx(100 * (now / then - 1)) if enough else None)
                if figure["expected"] is not None:
                    assert figure["low"] <= figure["high"] and 0 < figure["expected_p"] <= 1
                    expected_p.append(figure)
        for figures, what in [(p, "p"), (expected_p, "expected_p")]:
            if figures:
                q = stats.false_discovery_control([figure[what] for figure in figures])
                assert [figure[what.replace("p", "q") if what == "p" else "expected_q"] for figure in figures] == pytest.approx(q, rel=1e-9)


#: Over three years, in all seasons.
MANY = ["2015-04-08", "2015-08-12", "2015-12-02", "2016-03-09", "2016-06-15", "2016-10-11", "2017-02-08", "2017-05-10", "2017-09-06", "2017-12-06"]


def test_usual_ranges_hold_most_counts(server):
    """Nine counts of ten are promised, of lines that rise and fall together: over ten moments, at least 85 of a hundred of each span."""
    inside, lines = [0, 0, 0], [0, 0, 0]
    for at in MANY:
        brief = server.json("/api/v1/brief", at=at)
        for line in brief["areas"] + brief["categories"]:
            for number, figure in enumerate(line["figures"]):
                if line["key"] and figure["expected"] is not None:
                    inside[number] += figure["low"] <= figure["observed"] <= figure["high"]
                    lines[number] += 1
    shares = [a / b for a, b in zip(inside, lines, strict=True)]
    assert all(0.85 <= share < 0.99 for share in shares), shares


def test_too_little_history_gives_null_and_not_zero(server, reference):
    earliest = reference.db.execute("SELECT min(occurred_at)::DATE FROM incidents").fetchone()[0]
    brief = server.json("/api/v1/brief", at=str(earliest + timedelta(days=40)))
    assert all(figure["expected"] is None and figure["before"] is None for figure in brief["total"]["figures"])
    assert brief["total"]["figures"][1]["observed"] > 0


def test_revisions_of_the_week_before_are_counted(server, reference):
    brief = server.json("/api/v1/brief", at="2017-08-08")
    said = brief["revisions"]
    assert (said["from"], said["to"]) == ("2017-07-25", "2017-08-01")
    rows = reference.db.execute(
        """SELECT count(*), count(*) FILTER (strptime("Updated On", '%m/%d/%Y %I:%M:%S %p') >= '2017-08-01')
           FROM raw
           WHERE strptime("Date", '%m/%d/%Y %I:%M:%S %p') BETWEEN '2017-07-25' AND '2017-07-31 23:59:59'"""
    ).fetchone()
    assert (said["incidents"], said["changed"]) == rows


def test_moments_outside_the_data_are_refused(server, reference):
    earliest = reference.db.execute("SELECT min(occurred_at)::DATE FROM incidents").fetchone()[0]
    ends_before = server.json("/api/v1/peaks", limit=1)["at"]
    for at, detail in [
        ("2031-01-01", f"nothing is known yet of that hour: the data end before {ends_before}"),
        (str(earliest), f"there are no days before then: the data begin on {earliest}"),
        (str(earliest - timedelta(days=1)), f"there are no days before then: the data begin on {earliest}"),
    ]:
        status, _, body = server.get("/api/v1/brief", at=at)
        problem = json.loads(body)
        assert (status, problem["parameter"], problem["detail"]) == (400, "at", detail)


def test_csv_has_a_row_for_each_line_and_span(server):
    brief = server.json("/api/v1/brief", at="2017-08-08")
    _, headers, body = server.get("/api/v1/brief", at="2017-08-08", format="csv")
    rows = list(csv.DictReader(io.StringIO(body.decode())))
    assert headers["content-type"].startswith("text/csv")
    assert len(rows) == 3 * (1 + len(brief["categories"]) + len(brief["areas"]))
    theft = [row for row in rows if (row["table"], row["key"]) == ("category", "THEFT")]
    (line,) = (line for line in brief["categories"] if line["key"] == "THEFT")
    assert [int(row["observed"]) for row in theft] == [figure["observed"] for figure in line["figures"]]
    assert [row["span"] for row in theft] == SPANS


@pytest.fixture
def page_of(visit, server):
    """The page of the brief; it needs no script."""
    return lambda query="?at=2017-08-08", **options: visit(server, f"brief{query}", **options)


def test_the_page_says_what_the_api_says(page_of, server):
    page = page_of()
    brief = server.json("/api/v1/brief", at="2017-08-08")
    tables = page.locator("table")
    assert tables.count() == 2
    for number, lines in enumerate([brief["categories"], brief["areas"]]):
        rows = tables.nth(number).locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.textContent.trim()))"
        )
        assert len(rows) == 1 + len(lines)
        for row, line in zip(rows, [brief["total"], *lines], strict=True):
            for span, figure in enumerate(line["figures"]):
                count, before = row[1 + 5 * span], row[2 + 5 * span]
                assert (int(count.replace(",", "")), int(before.replace(",", ""))) == (figure["observed"], figure["before"])
    assert page.get_by_test_id("brief").count() == 1


def test_it_prints_on_two_sheets(page_of):
    page = page_of()
    for paper in ("Letter", "A4"):
        sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper)))
        assert sheets == 2, f"{sheets} sheets of {paper}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_has_no_accessibility_violations(page_of, scheme, width):
    page = page_of(scheme=scheme, width=width)
    assert axe_finds(page) == []


def test_the_page_links_to_other_weeks(page_of, server):
    page = page_of()
    page.get_by_role("link", name="Week before").click()
    assert page.url.endswith("/brief?at=2017-08-01")
    page.get_by_label("Ends before").fill("2016-03-01")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**/brief?at=2016-03-01")
    assert page.get_by_role("heading", level=1).text_content() == "Chicago: the week to 29 February 2016"


def test_a_page_that_cannot_be_made_says_why(server):
    status, headers, body = server.get("/brief", at="2031-01-01")
    assert (status, headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert b"the data end before" in body


def test_the_command_writes_the_same(server, tmp_path):
    def run(*arguments):
        return run_to_end(BINARY, "brief", "--server", server.url, "--at", "2017-08-08", *arguments).stdout

    for form in ("json", "csv"):
        assert run("--format", form).strip() == server.get("/api/v1/brief", at="2017-08-08", format=form)[2].decode().strip()
    page = run()
    assert page.startswith("<!doctype html>") and "http://" not in page and "https://" not in page and "<script" not in page
    served = server.get("/brief", at="2017-08-08")[2].decode()
    assert re.sub(r"<nav.*?</nav>\n", "", served, flags=re.DOTALL) == page.rstrip("\n") + "\n"
