import { expect, test } from "vitest";
import { hexagonArea, resolutionForZoom } from "./resolution";

const CHICAGO = 41.84;

test.each([
  [7, 7],
  [9, 7],
  [9.9, 8],
  [11, 9],
  [12.4, 10],
  [14, 11],
  [17, 11],
])("zoom %d shows resolution %d", (zoom, resolution) => {
  expect(resolutionForZoom(zoom, CHICAGO)).toBe(resolution);
});

test("a closer look is never coarser", () => {
  let before = 0;
  for (let zoom = 6; zoom <= 18; zoom += 0.05) {
    const now = resolutionForZoom(zoom, CHICAGO);
    expect(now).toBeGreaterThanOrEqual(before);
    before = now;
  }
});

test.each([
  [7, "5.16 km²"],
  [8, "0.737 km²"],
  [9, "0.105 km²"],
  [10, "0.015 km²"],
  [11, "2,150 m²"],
])("a hexagon of resolution %d is %s", (resolution, area) => {
  expect(hexagonArea(resolution)).toBe(area);
});
