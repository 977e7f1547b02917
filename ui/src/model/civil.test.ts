import { expect, test } from "vitest";
import { addMonths, civilMs, civilText, isCivil, nextBucketStart } from "./civil";

test.each([
  ["2016-02-29", true],
  ["2015-02-29", false],
  ["2016-01-01T06:00", true],
  ["2016-01-01T06:00:30", true],
  ["2016-01-01T24:00", false],
  ["2016-13-01", false],
  ["2016-1-1", false],
  ["", false],
])("%s is civil: %s", (text, expected) => {
  expect(isCivil(text)).toBe(expected);
});

test("an instant's civil part counts, whatever its offset", () => {
  expect(civilText(civilMs("2017-12-31T23:00:00-06:00"))).toBe("2017-12-31T23:00");
  expect(civilText(civilMs("2017-12-31T00:00:00Z"))).toBe("2017-12-31");
});

test("a month after the 31st is the last of a shorter month", () => {
  expect(civilText(addMonths(civilMs("2016-01-31"), 1))).toBe("2016-02-29");
  expect(civilText(addMonths(civilMs("2016-03-31T06:30"), -1))).toBe("2016-02-29T06:30");
});

test.each([
  ["hour", "2016-12-31T23:00", "2017-01-01"],
  ["day", "2016-02-28", "2016-02-29"],
  ["week", "2016-12-26", "2017-01-02"],
  ["month", "2016-12-01", "2017-01-01"],
  ["year", "2016-01-01", "2017-01-01"],
] as const)("the %s after %s is %s", (bucket, start, next) => {
  expect(civilText(nextBucketStart(civilMs(start), bucket))).toBe(next);
});
