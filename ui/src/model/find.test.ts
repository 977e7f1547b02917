import { expect, test } from "vitest";
import { findsOf } from "./find";
import { parseView } from "./view";

const FOUND = findsOf({
  areas: [{ layer: "community_area", title: "Community area", code: "32", name: "Loop" }],
  categories: ["THEFT"],
  blocks: [
    { block: "003XX E RANDOLPH ST", incidents: 645, latitude: 41.88, longitude: -87.62 },
    { block: "UNKNOWN", incidents: 1, latitude: null, longitude: null },
  ],
  incidents: [],
  searched: 10,
});

test("areas and categories are added to the filter, once", () => {
  const view = parseView("area=community_area:8&category=THEFT");
  expect(FOUND[0]?.change(view).filter?.areas.map(({ code }) => code)).toEqual(["8", "32"]);
  expect(FOUND[1]?.change(view).filter).toBe(view.filter);
});

test("blocks move the map, where they have a place", () => {
  const view = parseView("");
  expect(FOUND[2]?.hint).toBe("Block, 645 incidents");
  expect(FOUND[2]?.change(view).camera).toEqual({ zoom: 15.5, latitude: 41.88, longitude: -87.62 });
  expect(FOUND[3]?.change(view)).toEqual({});
});
