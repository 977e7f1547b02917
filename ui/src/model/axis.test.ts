import { describe, expect, test } from "vitest";
import { timeTicks, valueTicks } from "./axis";
import { civilMs, civilText, nextBucketStart } from "./civil";
import type { Bucket } from "../api/types";

function buckets(first: string, bucket: Bucket, length: number): string[] {
  const starts = [first];
  while (starts.length < length) {
    starts.push(civilText(nextBucketStart(civilMs(starts.at(-1) ?? first), bucket)));
  }
  return starts;
}

describe("values", () => {
  test.each([
    [0, [0, 1]],
    [1, [0, 1]],
    [3, [0, 1, 2, 3]],
    [97, [0, 50, 100]],
    [1234, [0, 500, 1000, 1500]],
  ])("up to %d", (highest, expected) => {
    expect(valueTicks(highest)).toEqual(expected);
  });

  test("are whole, few and reach the top", () => {
    for (let highest = 1; highest < 5000; highest += 7) {
      const ticks = valueTicks(highest);
      expect(ticks.every(Number.isInteger)).toBe(true);
      expect(ticks.length).toBeLessThanOrEqual(6);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(highest);
    }
  });
});

describe("times", () => {
  function check(starts: readonly string[], most: number, expected: readonly string[]) {
    expect(timeTicks(starts, most).map(({ label }) => label)).toEqual(expected);
  }

  test("months, with the year where it changes", () =>
    check(buckets("2016-10-01", "month", 6), 6, ["Oct 2016", "Nov", "Dec", "Jan 2017", "Feb", "Mar"]));
  test("years when there is room for few", () =>
    check(buckets("2012-01-01", "month", 60), 5, ["2012", "2013", "2014", "2015", "2016"]));
  test("hours, with the date at midnight", () =>
    check(buckets("2015-10-17T18:00", "hour", 18), 4, ["18:00", "18 Oct", "06:00"]));
  test("weeks are marked where a month begins in them", () =>
    check(buckets("2015-01-05", "week", 12), 4, ["Feb 2015", "Mar"]));
  test("nothing has no ticks", () => check([], 5, []));

  test("never more than there is room for", () => {
    for (const bucket of ["hour", "day", "week", "month"] as const) {
      for (const length of [1, 2, 24, 100, 700]) {
        const starts = buckets("2012-03-07", bucket, length);
        expect(timeTicks(starts, 6).length).toBeLessThanOrEqual(6);
      }
    }
  });
});
