import { describe, expect, test } from "vitest";
import { civilMs } from "./civil";
import { bucketFor, presetFrom, PRESETS } from "./period";

describe("named periods", () => {
  test.each([
    ["7d", "2017-12-25"],
    ["28d", "2017-12-04"],
    ["ytd", "2017-01-01"],
    ["12m", "2017-01-01"],
    ["5y", "2013-01-01"],
  ])("%s before the end of 2017 starts on %s", (id, from) => {
    const preset = PRESETS.find((each) => each.id === id);
    expect(preset && presetFrom(preset, "2017-12-31T23:58:00-06:00")).toBe(from);
  });
  test.each([
    ["2015-10-17", "2015-10-18", "hour"],
    ["2017-01-01", "2018-01-01", "day"],
    ["2012-01-01", "2018-01-01", "week"],
    ["2001-01-01", "2018-01-01", "month"],
  ])("%s to %s is drawn by %s", (from, to, bucket) => {
    expect(bucketFor(civilMs(from), civilMs(to))).toBe(bucket);
  });
});
