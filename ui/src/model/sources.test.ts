import { describe, expect, test } from "vitest";
import type { Source } from "../api/types";
import { alarms, newestIfOld, notes, standingOf } from "./sources";

function source(change: Partial<Source>): Source {
  return {
    name: "portal",
    describe: "https://data.example.org/resource/abcd-1234.json",
    state: "following",
    last_success_at: "2026-11-27T10:00:00Z",
    failing_since: null,
    why: null,
    notices: [],
    ...change,
  };
}

const failing = source({
  state: "failing",
  failing_since: "2026-11-27T10:05:00Z",
  why: "HTTP status 500: the server failed",
});

describe("the badge", () => {
  test("names the newest incident where it is not of these days", () => {
    const now = Date.parse("2018-11-20T00:00:00Z");
    const of = (data_as_of: string | null) => newestIfOld({ data_as_of }, now);
    expect(of("2018-11-12T23:30:00-06:00")).toBe("Newest incident 12 Nov 2018");
    expect(of("2018-11-19T06:00:00-06:00")).toBeNull();
    expect(of(null)).toBeNull();
  });

  test("says caught up only where every source answers", () => {
    expect(standingOf({ caught_up: true, sources: [source({})] }).hint).toContain("Everything");
    expect(standingOf({ caught_up: false, sources: [source({})] }).value).toBe("catching up");
    expect(standingOf({ caught_up: true, sources: [] }).value).toBe("caught up");
  });

  test("says that nothing follows where every source has ended", () => {
    const ended = source({ state: "ended" });
    expect(standingOf({ caught_up: true, sources: [ended] }).value).toBe("ended");
    expect(standingOf({ caught_up: true, sources: [ended, source({})] }).value).toBe("caught up");
    expect(standingOf({ caught_up: false, sources: [ended] }).value).toBe("catching up");
  });

  test("names since when a source fails, whatever else is true", () => {
    for (const caught_up of [true, false]) {
      const standing = standingOf({ caught_up, sources: [source({}), failing] });
      expect(standing.value).toMatch(/^failing since 27 Nov 2026/);
      expect(standing.alarming).toBe(true);
      expect(standing.hint).not.toContain("Everything");
      expect(standing.hint).toContain("received before");
    }
  });

  test("says that deletions wait", () => {
    expect(standingOf({ caught_up: true, sources: [source({ state: "held" })] }).value).toBe("held");
  });
});

describe("the notes", () => {
  test("say why a source fails and when it last answered", () => {
    const [alarm] = alarms([source({}), failing]);
    expect(alarm?.title).toBe("Source failing.");
    expect(alarm?.text).toContain("HTTP status 500");
    expect(alarm?.text).toMatch(/It last answered at 27 Nov 2026/);
    expect(alarms([source({ state: "failing" })])[0]?.text).not.toContain("null");
  });

  test("leave deletions that wait to the banner", () => {
    const held = source({ state: "held", notices: [{ kind: "held_deletions", text: "it lacks 114" }] });
    expect(alarms([held])).toEqual([{ title: "Deletions wait.", text: "It lacks 114." }]);
    expect(notes({ sources: [held], outliers: { early: null, late: null } })).toEqual([]);
  });

  test("name incidents that lie apart", () => {
    const early = { incidents: 1, first: "1900-01-01T00:00:00-05:50", last: "1900-01-01T00:00:00-05:50" };
    const late = { incidents: 2, first: "2026-11-28T10:00:00-06:00", last: "2026-11-28T11:00:00-06:00" };
    const said = notes({
      sources: [source({ notices: [{ kind: "missing_columns", text: "no column" }] })],
      outliers: { early, late },
    });
    expect(said).toHaveLength(3);
    expect(said[0]).toBe("No column.");
    expect(said[1]).toContain("1 incident is dated 1 Jan 1900");
    expect(said[2]).toContain("2 incidents are dated 28 Nov 2026, 10:00 to 28 Nov 2026, 11:00");
    expect(notes({ sources: [source({})], outliers: { early: null, late: null } })).toEqual([]);
  });
});
