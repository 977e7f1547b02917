import { describe, expect, test } from "vitest";
import { filterParams, NO_FILTER, parseFilter, toggleArea, toggleCategory, type Filter } from "./filter";

function check(query: string, expected: Partial<Filter>) {
  expect(parseFilter(new URLSearchParams(query))).toEqual({ ...NO_FILTER, ...expected });
}

describe("a filter in an address", () => {
  test("nothing", () => check("", {}));
  test("a period of days", () =>
    check("from=2016-01-01&to=2016-02-01", { from: "2016-01-01", to: "2016-02-01" }));
  test("a period of hours", () => check("from=2016-01-01T06:00", { from: "2016-01-01T06:00" }));
  test("a year or a month is its beginning, as the API has it", () =>
    check("from=2017&to=2018-02", { from: "2017-01-01", to: "2018-02-01" }));
  test.each(["2017-13", "20", "2017-", "foo"])("the time %s is dropped", (time) => check(`from=${time}`, {}));
  test("several categories, each once", () =>
    check("category=THEFT&category=BATTERY&category=THEFT", { categories: ["THEFT", "BATTERY"] }));
  test("areas keep their leading zeros", () =>
    check("area=beat:0313&area=community_area:32", {
      areas: [
        { layer: "beat", code: "0313" },
        { layer: "community_area", code: "32" },
      ],
    }));
  test("yes and no", () => check("arrest=true&domestic=false", { arrest: true, domestic: false }));
  test("a box", () => check("bbox=-87.7,41.8,-87.6,41.9", { bbox: [-87.7, 41.8, -87.6, 41.9] }));

  test("hours of the week, in order", () =>
    check("hour_of_week=44-47,20-23,22-24", { hours: "20-24,44-47" }));
  test.each(["168", "5-3", "a", "1,,2", ""])("the hours %s are dropped", (hours) =>
    check(`hour_of_week=${hours}`, {}),
  );

  test("a date that does not exist is dropped", () => check("from=2015-02-30&to=soon", {}));
  test("an area without layer or code is dropped", () => check("area=32&area=beat:&area=:32", {}));
  test("neither yes nor no is dropped", () => check("arrest=maybe", {}));
  test.each(["1,2,3", "1,2,3,4,5", "5,2,3,4", "1,,3,4", "a,b,c,d", "-200,0,0,1"])(
    "the box %s is dropped",
    (box) => check(`bbox=${box}`, {}),
  );
});

test("a filter survives its own address", () => {
  const filter: Filter = {
    from: "2016-01-01T06:00",
    to: "2016-03-01",
    categories: ["CRIMINAL DAMAGE", "OTHER OFFENSE & MORE"],
    areas: [{ layer: "community_area", code: "32" }],
    arrest: false,
    domestic: true,
    bbox: [-87.7, 41.8, -87.6, 41.9],
    hours: "20-23,44",
  };
  expect(parseFilter(new URLSearchParams(filterParams(filter).toString()))).toEqual(filter);
});

test("equal filters have equal parameters, in whatever order they were put together", () => {
  const one = toggleCategory(toggleCategory(NO_FILTER, "THEFT"), "BATTERY");
  const other = toggleCategory(toggleCategory(NO_FILTER, "BATTERY"), "THEFT");
  expect(filterParams(one).toString()).toBe(filterParams(other).toString());
});

test("toggling twice changes nothing", () => {
  const area = { layer: "beat", code: "0313" };
  expect(toggleArea(toggleArea(NO_FILTER, area), area)).toEqual(NO_FILTER);
  expect(toggleCategory(toggleCategory(NO_FILTER, "THEFT"), "THEFT")).toEqual(NO_FILTER);
});
