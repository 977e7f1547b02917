import { describe, expect, test } from "vitest";
import { NO_FILTER } from "./filter";
import { filterAt, isEmptyPeriod, moveTo, newestHour, stepped, within } from "./moment";
import { parseView } from "./view";

const LATEST = "2017-12-31T23:58:00-06:00";
const EXTENT = { earliest: "2012-01-01T00:00:00-06:00", latest: LATEST };

describe("the filter at a moment", () => {
  test("ends there", () => {
    expect(filterAt(NO_FILTER, "2017-08-06T06:00").to).toBe("2017-08-06T06:00");
    expect(filterAt({ ...NO_FILTER, to: "2017-12-01" }, "2017-08-06T00:00").to).toBe("2017-08-06");
  });
  test("keeps an earlier end, and all without a moment", () => {
    const filter = { ...NO_FILTER, to: "2016-01-01" };
    expect(filterAt(filter, "2017-08-06T06:00")).toBe(filter);
    expect(filterAt(filter, null)).toBe(filter);
  });
  test("may be empty", () => {
    expect(isEmptyPeriod({ ...NO_FILTER, from: "2016-01-01", to: "2016-01-01" })).toBe(true);
    expect(isEmptyPeriod({ ...NO_FILTER, from: "2016-01-01", to: "2016-01-01T01:00" })).toBe(false);
    expect(isEmptyPeriod({ ...NO_FILTER, from: "2016-01-01" })).toBe(false);
  });
});

describe("steps", () => {
  test("the newest moment is the end of the newest incident's hour", () => {
    expect(newestHour(LATEST)).toBe("2018-01-01T00:00");
    expect(newestHour("2017-12-31T06:00:00-06:00")).toBe("2017-12-31T07:00");
  });
  test("start from the newest", () => expect(stepped(null, "day", -1, EXTENT)).toBe("2017-12-31T00:00"));
  test("end at the newest, which is no moment of its own", () => {
    expect(stepped("2017-12-31T23:00", "hour", 1, EXTENT)).toBeNull();
    expect(stepped(null, "week", 1, EXTENT)).toBeNull();
  });
  test("do not leave the data", () => {
    expect(stepped("2012-01-02T00:00", "week", -1, EXTENT)).toBe("2012-01-01T01:00");
    expect(within("2030-01-01T00:00", EXTENT)).toBeNull();
  });
});

describe("the period of a moved moment", () => {
  const from = (query: string, at: string | null) => moveTo(parseView(query), at, LATEST).filter.from;
  test("goes along where it is counted back from now", () => {
    expect(from("from=2017-12-04", "2017-08-06T06:00")).toBe("2017-07-10");
    expect(from("from=2017-07-10&at=2017-08-06T06:00", null)).toBe("2017-12-04");
  });
  test("stays where it is fixed", () => {
    expect(from("from=2016-03-05", "2017-08-06T06:00")).toBe("2016-03-05");
    expect(from("from=2016-03-05&to=2016-04-01", "2016-01-01T06:00")).toBe("2016-03-05");
  });
  test("goes along before it would be left behind", () => {
    expect(from("from=2017-12-05", "2017-12-01T00:00")).toBe("2017-11-04");
  });
});
