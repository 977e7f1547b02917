import { describe, expect, test } from "vitest";
import { largest, rank } from "./rank";

describe("ranking", () => {
  const series = {
    buckets: ["2016", "2017"],
    series: [
      { key: "A", counts: [1, 2] },
      { key: "B", counts: [4, 3] },
      { key: "C", counts: [1, 1] },
      { key: "D", counts: [1, 0] },
    ],
    next_offsets: {},
  };
  test("is by total, with shares of the whole", () => {
    expect(rank(series).map(({ key, total }) => [key, total])).toEqual([
      ["B", 7],
      ["A", 3],
      ["C", 2],
      ["D", 1],
    ]);
    expect(rank(series).reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });
  test("the rest is summed, not dropped", () => {
    expect(largest(series, 2)).toEqual([
      { key: "A", counts: [1, 2] },
      { key: "B", counts: [4, 3] },
      { key: null, counts: [2, 1] },
    ]);
  });
  test("a rest of one keeps its name", () => {
    expect(largest(series, 3).map(({ key }) => key)).toEqual(["A", "B", "C", "D"]);
  });
});
