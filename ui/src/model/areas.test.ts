import { describe, expect, test } from "vitest";
import { areaAt, areaShapes, outlinesOf } from "./areas";

describe("areas", () => {
  const square = [
    [-87.7, 41.8],
    [-87.6, 41.8],
    [-87.6, 41.9],
    [-87.7, 41.9],
    [-87.7, 41.8],
  ];
  const hole = [
    [-87.66, 41.84],
    [-87.64, 41.84],
    [-87.64, 41.86],
    [-87.66, 41.86],
    [-87.66, 41.84],
  ];
  const outlines = outlinesOf({
    type: "FeatureCollection",
    features: [
      { type: "Feature", properties: { code: "0", name: "Without an outline" }, geometry: null },
      {
        type: "Feature",
        properties: { code: "1", name: "A point" },
        geometry: { type: "Point", coordinates: [-87.6, 41.8] },
      },
      {
        type: "Feature",
        properties: { code: "32", name: "Loop" },
        geometry: { type: "Polygon", coordinates: [square, hole] },
      },
    ],
  });
  const shapes = areaShapes(outlines);
  const [shape] = shapes;
  test("are those that have an outline", () => {
    expect(shapes.map(({ code }) => code)).toEqual(["32"]);
  });
  test("have the size that they have on the globe", () => {
    // 0.1° by 0.1° at 41.85°: 11.12 km by 8.28 km, less a 25th.
    expect(shape?.area_km2).toBeCloseTo(92.1 * 0.96, 0);
  });
  test("hold what is inside and not what is in their holes", () => {
    expect(areaAt(shapes, -87.69, 41.81)?.code).toBe("32");
    expect(areaAt(shapes, -87.65, 41.85)).toBeNull();
    expect(areaAt(shapes, -87.5, 41.85)).toBeNull();
  });
});
