import { expect, test } from "vitest";
import { riseIndex, riseInWords } from "./course";

const course = (observed: readonly number[], step_hours = 24) => ({
  observed,
  step_hours,
  expected: observed.map(() => 2),
  low: observed.map(() => 0),
  high: observed.map(() => 4),
});

test.each([
  [[1, 9, 1, 5, 9], 3],
  [[1, 2, 3, 4, 5], 4],
  [[5, 6], 0],
  [[9, 9, 4], null],
  [[], null],
])("of %j the rise begins at %j", (observed, index) => expect(riseIndex(course(observed))).toBe(index));

test("the words count back from the end of the newest step", () => {
  expect(riseInWords(course([1, 1, 6, 7]), "2017-08-06T06:00")).toBe(
    "Above its usual range since 4 Aug 2017, 06:00",
  );
  expect(riseInWords(course([1, 6], 1), "2017-08-06T00:00:00-05:00")).toBe(
    "Above its usual range since 5 Aug 2017, 23:00",
  );
  expect(riseInWords(course([9, 1]), "2017-08-06T06:00")).toBeNull();
});
