import { describe, expect, test } from "vitest";
import { NO_FILTER } from "./filter";
import { formatCivil, formatPeriod, titleCase } from "./format";

describe("formats", () => {
  test("times are the city's, as written", () => {
    expect(formatCivil("2017-12-31T23:58:00-06:00")).toBe("31 Dec 2017, 23:58");
    expect(formatCivil("2017-12-31")).toBe("31 Dec 2017");
  });
  test("capitals are toned down, mixed case is left alone", () => {
    expect(titleCase("CRIMINAL DAMAGE")).toBe("Criminal damage");
    expect(titleCase("O'Hare")).toBe("O'Hare");
  });
  test("a period names its last day, not the day after", () => {
    const filter = { ...NO_FILTER, from: "2016-01-01", to: "2016-02-01" };
    expect(formatPeriod(filter, null, null)).toBe("1 Jan 2016 – 31 Jan 2016");
  });
  test("an open period ends with the data", () => {
    expect(formatPeriod(NO_FILTER, "2012-01-01T00:00:00-06:00", "2017-12-31T23:58:00-06:00")).toBe(
      "1 Jan 2012 – 31 Dec 2017",
    );
  });
  test.each([
    ["2015-10-18", "2015-10-19", "18 Oct 2015"],
    ["2015-10-17T21:00", "2015-10-17T23:00", "17 Oct 2015, 21:00 – 23:00"],
    ["2015-10-17T21:00", "2015-10-18T02:00", "17 Oct 2015, 21:00 – 18 Oct 2015, 02:00"],
  ])("from %s to %s is %s", (from, to, expected) => {
    expect(formatPeriod({ ...NO_FILTER, from, to }, null, null)).toBe(expected);
  });
});
