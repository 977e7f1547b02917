import { describe, expect, test } from "vitest";
import type { Meta, NextOffsets } from "../api/types";
import { INITIAL_LIVE, reduceLive, type LiveEvent, type LiveState } from "./live";

function meta(next_offsets: NextOffsets, total = 10): Meta {
  return {
    city: "chicago",
    profile: {
      name: "Chicago",
      time_zone: "America/Chicago",
      bounding_box: [-87.95, 41.64, -87.52, 42.03],
      disclaimer: "",
      portal: null,
    },
    incidents: { total, mapped: total, unmapped: 0 },
    rejected: 0,
    data_as_of: "2017-12-31T23:58:00-06:00",
    earliest: "2012-01-01T00:00:00-06:00",
    received_at: null,
    caught_up: true,
    simulated: false,
    source: null,
    sources: [],
    outliers: { early: null, late: null },
    snapshot: { version: null, refused: null },
    next_offsets,
    layers: [],
    categories: [],
    basemap: null,
  };
}

function after(...events: readonly LiveEvent[]): LiveState {
  return events.reduce(reduceLive, INITIAL_LIVE);
}

const total = (state: LiveState) => state.meta?.incidents.total;
const change = (next_offsets: NextOffsets, sum: number): LiveEvent => ({
  type: "change",
  changes: [
    {
      next_offsets,
      meta: { incidents: { total: sum, mapped: sum, unmapped: 0 } },
      counts: null,
      incidents: null,
    },
  ],
  missed: false,
  at: 7,
});
const missing = (next_offsets: NextOffsets, sum: number): LiveEvent => ({
  ...(change(next_offsets, sum) as Extract<LiveEvent, { type: "change" }>),
  missed: true,
});

describe("a change", () => {
  test("moves the figures it carries and no others", () => {
    const state = after({ type: "meta", meta: meta({ 0: 5 }) }, change({ 0: 8 }, 13));
    expect(total(state)).toBe(13);
    expect(state.meta?.profile.name).toBe("Chicago");
    expect(state.meta?.next_offsets).toEqual({ 0: 8 });
    expect(state.connection).toBe("live");
  });

  test("marks the views as behind", () => {
    const before = after({ type: "meta", meta: meta({ 0: 5 }) });
    expect(reduceLive(before, change({ 0: 8 }, 13)).changes).toBe(before.changes + 1);
  });

  test("of one partition keeps the others", () => {
    const state = after({ type: "meta", meta: meta({ 0: 5, 1: 7 }) }, change({ 1: 9 }, 12));
    expect(state.meta?.next_offsets).toEqual({ 0: 5, 1: 9 });
  });

  test("that was seen before is ignored", () => {
    const state = after({ type: "meta", meta: meta({ 0: 9 }, 20) }, change({ 0: 8 }, 13));
    expect(total(state)).toBe(20);
  });

  test("is not applied while paused", () => {
    const state = after({ type: "meta", meta: meta({ 0: 5 }) }, { type: "paused" }, change({ 0: 8 }, 13));
    expect(total(state)).toBe(10);
    expect(state.connection).toBe("paused");
  });
});

describe("meta", () => {
  test("that set out before a live change does not turn the clock back", () => {
    const state = after({ type: "meta", meta: meta({ 0: 5 }) }, { type: "opened" }, change({ 0: 8 }, 13), {
      type: "meta",
      meta: meta({ 0: 6 }, 11),
    });
    expect(total(state)).toBe(13);
  });

  test("without news asks nobody to fetch again", () => {
    const before = after({ type: "meta", meta: meta({ 0: 5 }) });
    expect(reduceLive(before, { type: "meta", meta: meta({ 0: 5 }) })).toBe(before);
  });

  test("with the answer to a failure is news, even if nothing else is", () => {
    const lost = after({ type: "meta", meta: meta({ 0: 5 }) }, { type: "opened" }, { type: "lost" });
    const back = reduceLive(lost, { type: "meta", meta: meta({ 0: 5 }) });
    expect([back.interrupted, back.meta === lost.meta]).toEqual([false, true]);
  });

  test("of a server that started anew is believed, smaller offsets and all", () => {
    const state = after(
      { type: "meta", meta: meta({ 0: 500 }, 900) },
      { type: "opened" },
      { type: "lost" },
      { type: "meta", meta: meta({ 0: 3 }, 3) },
    );
    expect(total(state)).toBe(3);
  });
});

describe("what was missed", () => {
  const before = after({ type: "meta", meta: meta({ 0: 5 }) }, { type: "opened" });

  test("asks counts that follow for new answers; what was not missed does not", () => {
    expect(reduceLive(before, change({ 0: 8 }, 13)).epoch).toBe(before.epoch);
    expect(reduceLive(before, missing({ 0: 8 }, 13)).epoch).toBe(before.epoch + 1);
  });

  test("without a lost connection is nothing that a reader could have seen", () => {
    expect(reduceLive(before, missing({ 0: 8 }, 13)).missed).toBeNull();
  });

  test("while the connection was away is told until the reader knows", () => {
    const back = [{ type: "lost" }, { type: "opened" }, missing({ 0: 8 }, 13)] as const;
    const state = back.reduce(reduceLive, before);
    expect(state.missed).toEqual({ why: "lost", at: 7 });
    expect(reduceLive(state, { type: "told" }).missed).toBeNull();
  });

  test("while paused is told, and nothing is told where nothing happened", () => {
    const paused = [{ type: "paused" }, { type: "resumed" }, { type: "opened" }] as const;
    const resumed = paused.reduce(reduceLive, before);
    expect(reduceLive(resumed, missing({ 0: 8 }, 13)).missed?.why).toBe("paused");
    expect(reduceLive(resumed, change({ 0: 5 }, 10)).missed).toBeNull();
  });

  test("is found where the stream stays behind what the server knows", () => {
    const ahead = reduceLive(before, { type: "meta", meta: meta({ 0: 9 }), isAhead: true });
    expect(ahead.epoch).toBe(before.epoch + 1);
    expect(reduceLive(before, { type: "meta", meta: meta({ 0: 9 }) }).epoch).toBe(before.epoch);
  });
});

describe("the connection", () => {
  test("goes stale and comes back, and the views fetch what they missed", () => {
    const before = after({ type: "meta", meta: meta({ 0: 5 }) }, { type: "opened" }, { type: "lost" });
    expect(before.connection).toBe("reconnecting");
    const away = reduceLive(before, { type: "unreachable", reason: "the server cannot be reached" });
    expect(away.connection).toBe("unreachable");
    expect(total(away)).toBe(10);
    const back = reduceLive(away, { type: "meta", meta: meta({ 0: 5 }) });
    expect(back.connection).toBe("reconnecting");
    expect(back.changes).toBe(away.changes + 1);
    expect(reduceLive(back, { type: "opened" }).connection).toBe("live");
  });

  test("stays paused whatever happens, until resumed", () => {
    const state = after({ type: "paused" }, { type: "lost" }, { type: "unreachable", reason: "away" });
    expect(state.connection).toBe("paused");
    expect(reduceLive(state, { type: "resumed" }).connection).toBe("connecting");
  });
});
