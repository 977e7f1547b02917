import { expect, test } from "vitest";
import { moved, periodOf, rangeOf, spanning } from "./brush";

const MONTHS = ["2016-01-01", "2016-02-01", "2016-03-01", "2016-04-01"];

test("a range in the middle is a closed period", () => {
  expect(periodOf({ start: 1, end: 3 }, MONTHS, "month")).toEqual({ from: "2016-02-01", to: "2016-04-01" });
});

test("a range up to an end leaves it open", () => {
  expect(periodOf({ start: 2, end: 4 }, MONTHS, "month")).toEqual({ from: "2016-03-01", to: null });
  expect(periodOf({ start: 0, end: 2 }, MONTHS, "month")).toEqual({ from: null, to: "2016-03-01" });
  expect(periodOf({ start: 0, end: 4 }, MONTHS, "month")).toEqual({ from: null, to: null });
});

test("a period comes back as the range it was made from", () => {
  for (let start = 0; start < 4; start += 1) {
    for (let end = start + 1; end <= 4; end += 1) {
      expect(rangeOf(periodOf({ start, end }, MONTHS, "month"), MONTHS, "month")).toEqual({ start, end });
    }
  }
});

test("a period between buckets covers those it touches", () => {
  expect(rangeOf({ from: "2016-02-15", to: "2016-02-20" }, MONTHS, "month")).toEqual({ start: 1, end: 2 });
});

test("a period after all data is an empty range at the end", () => {
  expect(rangeOf({ from: "2020-01-01", to: null }, MONTHS, "month")).toEqual({ start: 4, end: 4 });
});

test("spanning takes its ends in any order and stays inside", () => {
  expect(spanning(3, 1, 4)).toEqual({ start: 1, end: 4 });
  expect(spanning(-5, 99, 4)).toEqual({ start: 0, end: 4 });
});

test("a moved range keeps its length", () => {
  expect(moved({ start: 1, end: 3 }, 5, 4)).toEqual({ start: 2, end: 4 });
  expect(moved({ start: 1, end: 3 }, -5, 4)).toEqual({ start: 0, end: 2 });
});
