import { expect, test } from "vitest";
import { NO_FILTER } from "./filter";
import { formatView, parseView, type View } from "./view";

const PLAIN: View = {
  filter: NO_FILTER,
  layer: "count",
  at: null,
  as: "known",
  list: "peaks",
  window: null,
  peak: null,
  rank: null,
  by: "category",
  bucket: null,
  resolution: null,
  camera: null,
  chart: "time",
  compare: null,
  compared: "before",
  table: "areas",
  embed: false,
};

test("the plain view has an empty address", () => {
  expect(formatView(PLAIN)).toBe("");
  expect(parseView("")).toEqual(PLAIN);
});

test("a view survives its own address", () => {
  const view: View = {
    filter: { ...NO_FILTER, from: "2016-01-01", areas: [{ layer: "community_area", code: "32" }] },
    layer: "hotspots",
    at: "2018-08-05T06:00",
    as: "said",
    list: "ranked",
    window: 24,
    peak: {
      area: { layer: "community_area", code: "32" },
      hours: 168,
      category: "ASSAULT, 3 & RELATED/OTHER",
    },
    rank: "category",
    by: "community_area",
    bucket: "month",
    resolution: 10,
    camera: { zoom: 11.25, latitude: 41.8801, longitude: -87.6302 },
    chart: "hours",
    compare: "community_area:8",
    compared: "year",
    table: "data",
    embed: true,
  };
  expect(parseView(`?${formatView(view)}`)).toEqual(view);
});

test("an address stays readable", () => {
  const view = { ...PLAIN, camera: { zoom: 10, latitude: 41.88, longitude: -87.63 } };
  const filter = { ...NO_FILTER, areas: [{ layer: "beat", code: "0313" }] };
  expect(formatView({ ...view, filter })).toBe("area=beat:0313&map=10.00/41.8800/-87.6300");
});

test("a moment and its peak stay readable", () => {
  const peak = { area: { layer: "community_area", code: "32" }, hours: 24, category: "THEFT" };
  const query = "at=2017-08-06T06:00&peak=community_area:32/24/THEFT";
  expect(formatView({ ...PLAIN, at: "2017-08-06T06:00", peak })).toBe(query);
});

test.each([
  ["at=2018-08-05", "2018-08-05T00:00"],
  ["at=2018-08-05T06:45", "2018-08-05T06:00"],
])("%s is the hour %s", (query, at) => {
  expect(parseView(query)).toEqual({ ...PLAIN, at });
});

test.each([
  "layer=heat",
  "at=soon",
  "as=heard",
  "window=12",
  "peak=32/24/THEFT",
  "peak=a:1/12/THEFT",
  "list=all",
])("%s is ignored, too", (query) => {
  expect(parseView(query)).toEqual(PLAIN);
});

test.each(["bucket=minute", "resolution=6", "resolution=9.5", "map=1/2", "map=99/41/-87", "map=10//-87"])(
  "%s is ignored",
  (query) => {
    expect(parseView(query)).toEqual(PLAIN);
  },
);
