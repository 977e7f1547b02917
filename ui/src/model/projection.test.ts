import { describe, expect, test } from "vitest";
import { boundsOfCamera, fitCamera, project, unproject } from "./projection";

describe("projection", () => {
  test("there and back", () => {
    const { longitude, latitude } = unproject(project(-87.63, 41.88));
    expect(longitude).toBeCloseTo(-87.63, 9);
    expect(latitude).toBeCloseTo(41.88, 9);
  });
  test("a fitted box is in view", () => {
    const box = [-87.95, 41.64, -87.52, 42.03] as const;
    const [west, south, east, north] = boundsOfCamera(fitCamera(box, 800, 500, 10), 800, 500);
    expect(west).toBeLessThan(box[0]);
    expect(south).toBeLessThan(box[1]);
    expect(east).toBeGreaterThan(box[2]);
    expect(north).toBeGreaterThan(box[3]);
  });
});
