import { describe, expect, test } from "vitest";
import { spread } from "./scale";

describe("labels at the ends of lines", () => {
  test("stay where they are when they do not touch", () => {
    expect(spread([10, 50, 90], 14, 0, 100)).toEqual([10, 50, 90]);
  });
  test("keep their distance and their order, inside", () => {
    const heights = spread([98, 99, 97, 5], 14, 0, 100);
    expect(heights).toEqual([86, 100, 72, 5]);
  });
});
