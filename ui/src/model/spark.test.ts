import { expect, test } from "vitest";
import { sparkOf } from "./spark";

const BOX = { width: 22, height: 12, margin: 1 };

test("a course fills its box from the oldest to the newest step", () => {
  const spark = sparkOf({ observed: [0, 5, 10], expected: [2, 2, 2], low: [0, 0, 0], high: [5, 5, 5] }, BOX);
  expect(spark?.observed).toBe("M1.0 11.0L11.0 6.0L21.0 1.0");
  expect(spark?.band).toBe("M1.0 6.0L11.0 6.0L21.0 6.0L21.0 11.0L11.0 11.0L1.0 11.0Z");
  expect(spark?.last).toEqual([21, 1]);
});

test("nothing has no course, and zeros lie on the ground", () => {
  expect(sparkOf({ observed: [], expected: [], low: [], high: [] }, BOX)).toBeNull();
  expect(sparkOf({ observed: [0], expected: [0], low: [0], high: [0] }, BOX)?.observed).toBe("M11.0 11.0");
});
