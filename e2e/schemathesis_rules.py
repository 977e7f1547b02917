"""What Schemathesis is told beside the OpenAPI document (its `SCHEMATHESIS_HOOKS`).

A client learns from `meta` which categories, areas and layers there are, and so do the generated requests. What no schema can say
(rules between parameters, and what the data hold) is said in `breaks_a_rule`: only there a 400 for data that fit the schema is
right, and then it names the parameter.
"""

from __future__ import annotations

import calendar
import json
import os
import urllib.request

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData


#: Questions of hourly counts, which have areas of the primary layer only.
BY_PRIMARY_AREA = ("peaks", "explain", "episodes")


def words(schema: dict, known: list[str]) -> None:
    """Of one or of several."""
    schema.get("items", schema)["enum"] = known


def with_words(document: dict, meta: dict) -> dict:
    """The document with the words that `meta` lists."""
    layers = [layer["name"] for layer in meta["layers"]]
    areas = {layer["name"]: [f"{layer['name']}:{area['code']}" for area in layer["areas"]][:40] for layer in meta["layers"]}
    primary = next(layer["name"] for layer in meta["layers"] if layer["primary"])
    for path, operations in document["paths"].items():
        schemas = {parameter["name"]: parameter["schema"] for parameter in operations["get"].get("parameters", [])}
        if "category" in schemas:
            words(schemas["category"], meta["categories"])
        if "area" in schemas:
            # Of peaks, only areas of the layer that they are by.
            some = [areas[primary]] if path.rpartition("/")[2] in BY_PRIMARY_AREA else areas.values()
            words(schemas["area"], [area for layer in some for area in layer])
        if "by" in schemas:
            schemas["by"]["enum"] = ["none", "category", *layers]
    return document


@schemathesis.hook
def before_load_schema(context, raw_schema: dict) -> None:
    with urllib.request.urlopen(f"{os.environ['BLOTTER_URL']}/api/v1/meta", timeout=60) as answer:
        with_words(raw_schema, json.load(answer))


def is_no_day(text: str) -> bool:
    """A day that its month does not have."""
    if len(text) < 10:
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    return day > calendar.monthrange(max(year, 4), month)[1] if year >= 4 else day > 28


def breaks_a_rule(path: str, query: dict, problem: dict) -> bool:
    """Whether a question that fits the schema breaks a rule that it cannot say, of the parameter that the problem names."""
    named = problem.get("parameter")
    text = {name: value if isinstance(value, str) else str(value) for name, value in query.items()}
    period = "from" in text or "to" in text
    match named:
        case "from" | "to" if path.endswith("/change") and named not in text:
            # A change is one between two periods.
            return True
        case "from" | "to" | "at" if is_no_day(text.get(named, "")):
            return True
        case "from" | "to":
            # Later than the other, or the same moment.
            return "from" in text and "to" in text
        case "at":
            # After the data's end.
            return path.rpartition("/")[2] in ("peaks", "explain", "brief") and text["at"] >= "20" or "no days before" in problem["detail"]
        case "before_from" | "before_to":
            # Not before the other end, or a day that its month does not have.
            return "is not before" in problem["detail"] or is_no_day(text.get(named, ""))
        case "course" | "limit":
            # Courses of many peaks, and of what was published.
            return path.endswith("/peaks") and "course" in problem["detail"]
        case "as":
            # Nothing may have been said yet.
            return text["as"] == "said"
        case "bbox":
            west, south, east, north = map(float, text["bbox"].split(","))
            # Or no cell's middle lies in it.
            return west > east or south > north or path.rsplit("/", 1)[1] in ("hotspots", "emerging", "backtest")
        case "hour_of_week":
            ranges = [part.split("-") for part in text["hour_of_week"].split(",") if "-" in part]
            return any(int(first) > int(last) for first, last in ranges)
        case "grid_m":
            return float(text.get("bandwidth_m", 400)) > 20 * float(text.get("grid_m", 100))
        case "bandwidth_m":
            # A kernel so wide over so many cells of the map that a backtest would take minutes.
            return path.endswith("/backtest")
        case "step":
            # The period has too few of them.
            return path.endswith("/emerging") and period
        case "weeks":
            # The data of the period have fewer.
            return path.endswith("/backtest") and (period or int(text.get("weeks", 12)) + int(text.get("training_weeks", 52)) > 52)
        case "resolution" | "bucket":
            # More numbers than one answer holds.
            return "more than the" in problem["detail"]
    return False


@schemathesis.hook
def filter_failure(context, failure, case, response) -> bool:
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 400:
        return True
    return not breaks_a_rule(case.path, dict(case.query or {}), json.loads(response.content))
