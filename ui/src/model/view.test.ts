import { expect, test } from "vitest";
import { NO_FILTER } from "./filter";
import { formatView, parseView, type View } from "./view";

const PLAIN: View = {
  filter: NO_FILTER,
  rank: null,
  by: "category",
  bucket: null,
  resolution: null,
  camera: null,
};

test("the plain view has an empty address", () => {
  expect(formatView(PLAIN)).toBe("");
  expect(parseView("")).toEqual(PLAIN);
});

test("a view survives its own address", () => {
  const view: View = {
    filter: { ...NO_FILTER, from: "2016-01-01", areas: [{ layer: "community_area", code: "32" }] },
    rank: "category",
    by: "community_area",
    bucket: "month",
    resolution: 10,
    camera: { zoom: 11.25, latitude: 41.8801, longitude: -87.6302 },
  };
  expect(parseView(`?${formatView(view)}`)).toEqual(view);
});

test("an address stays readable", () => {
  const view = { ...PLAIN, camera: { zoom: 10, latitude: 41.88, longitude: -87.63 } };
  const filter = { ...NO_FILTER, areas: [{ layer: "beat", code: "0313" }] };
  expect(formatView({ ...view, filter })).toBe("area=beat:0313&map=10.00/41.8800/-87.6300");
});

test.each(["bucket=minute", "resolution=6", "resolution=9.5", "map=1/2", "map=99/41/-87", "map=10//-87"])(
  "%s is ignored",
  (query) => {
    expect(parseView(query)).toEqual(PLAIN);
  },
);
