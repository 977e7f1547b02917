import { describe, expect, test } from "vitest";
import { differenceInWords, parseCompare, sidesOf, type Compare } from "./compare";
import { NO_FILTER, type Filter } from "./filter";

const EXTENT = { earliest: "2012-01-01T00:00:00-06:00", latest: "2017-12-31T23:58:00-06:00" };
const LOOP = { layer: "community_area", code: "32" };
const NAMES: Readonly<Record<string, string>> = { 32: "Loop", 8: "Near North Side" };

function check(compare: Compare, filter: Partial<Filter>) {
  const nameOf = (_: string, code: string) => NAMES[code] ?? code;
  return sidesOf(compare, { ...NO_FILTER, ...filter }, EXTENT, "community_area", nameOf);
}

describe("two periods", () => {
  test("are the one that is filtered and the one of the same length before", () => {
    const sides = check("before", { from: "2017-03-01", to: "2017-04-01" });
    expect(sides?.map(({ filter: { from, to } }) => [from, to])).toEqual([
      ["2017-03-01", "2017-04-01"],
      ["2017-01-29", "2017-03-01"],
    ]);
  });

  test("are the same days of the year before", () => {
    const sides = check("year", { from: "2017-03-01", to: "2017-04-01", areas: [LOOP] });
    expect(sides?.[1].filter).toMatchObject({ from: "2016-03-01", to: "2016-04-01", areas: [LOOP] });
    expect(sides?.[1].title).toBe("1 Mar 2016 – 31 Mar 2016");
  });

  test("are the last four weeks where none is chosen", () => {
    expect(check("before", {})?.[0].filter).toMatchObject({ from: "2017-12-04", to: "2018-01-01" });
  });

  test("are not compared where one is empty", () => {
    expect(check("before", { from: "2018-03-01" })).toBeNull();
  });
});

describe("two areas", () => {
  test("are the one that is filtered and another one", () => {
    const sides = check("community_area:8", { areas: [LOOP] });
    expect(sides?.map(({ title, areas }) => [title, areas])).toEqual([
      ["Loop", ["32"]],
      ["Near North Side", ["8"]],
    ]);
  });

  test("may be one of them and the whole city; other layers' filters stay", () => {
    const beat = { layer: "beat", code: "0111" };
    const sides = check("city", { areas: [LOOP, beat] });
    expect(sides?.[1]).toMatchObject({ title: "The whole city", areas: null, filter: { areas: [beat] } });
  });

  test("must differ", () => {
    expect(check("city", {})).toBeNull();
    expect(check("community_area:32", { areas: [LOOP] })).toBeNull();
  });
});

test.each([
  [120, 100, "20 more: 120 after 100 (+20 %)"],
  [80, 100, "20 fewer: 80 after 100 (−20 %)"],
  [15, 30, "15 fewer: 15 after 30"],
  [7, 7, "as many: 7"],
])("of %i and %i it says %s", (count, other, words) => expect(differenceInWords(count, other)).toBe(words));

test("an address names what is compared", () => {
  expect(parseCompare("year")).toBe("year");
  expect(parseCompare("community_area:8")).toBe("community_area:8");
  expect(parseCompare("nonsense")).toBeNull();
  expect(parseCompare(null)).toBeNull();
});
