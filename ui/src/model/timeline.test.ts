import { expect, test } from "vitest";
import type { Series } from "../api/types";
import { civilMs } from "./civil";
import { layOut } from "./timeline";

function series(buckets: readonly string[], counts: readonly number[]): Series {
  return { buckets, series: [{ key: "ARSON", counts }], next_offsets: {} };
}

test("a rare category is drawn over the whole period", () => {
  const laid = layOut(series(["2016-01-03"], [2]), "day", civilMs("2016-01-01"), civilMs("2016-01-06"));
  expect(laid.buckets).toEqual(["2016-01-01", "2016-01-02", "2016-01-03", "2016-01-04", "2016-01-05"]);
  expect(laid.series[0]?.counts).toEqual([0, 0, 2, 0, 0]);
  expect(laid.firstIsPartial).toBe(false);
  expect(laid.lastIsPartial).toBe(false);
});

test("unfinished buckets at the ends are marked", () => {
  const laid = layOut(
    series(["2016-01-01", "2016-02-01"], [1, 1]),
    "month",
    civilMs("2016-01-10"),
    civilMs("2016-02-10T12:00"),
  );
  expect(laid.buckets).toHaveLength(2);
  expect(laid.firstIsPartial).toBe(true);
  expect(laid.lastIsPartial).toBe(true);
});

test("hours with offsets are laid out on the city's clock", () => {
  const laid = layOut(
    series(["2017-12-31T22:00:00-06:00"], [4]),
    "hour",
    civilMs("2017-12-31T22:00"),
    civilMs("2018-01-01T01:00"),
  );
  expect(laid.buckets).toEqual(["2017-12-31T22:00", "2017-12-31T23:00", "2018-01-01"]);
});

test("no match, no buckets", () => {
  expect(layOut(series([], []), "day", 0, civilMs("2016-01-01")).buckets).toEqual([]);
});
