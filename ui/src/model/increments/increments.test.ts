/** Random streams of changes against a recount of everything: what follows the stream is what the server would answer. */
import { latLngToCell } from "h3-js";
import { describe, expect, test } from "vitest";
import type {
  Bucket,
  Cells,
  ChangedIncident,
  CountedIncident,
  Hours,
  LiveChange,
  Series,
} from "../../api/types";
import { civilMs } from "../civil";
import { NO_FILTER, type Filter } from "../filter";
import { bucketNumber, nameOfNumber } from "./buckets";
import { CellsTally } from "./cells";
import { ChangeLog } from "./changes";
import { CityClock } from "./clock";
import { countedOf, hourOfWeek, matcherOf, Words, type Matches } from "./counted";
import { HoursTally } from "./hours";
import { SeriesTally } from "./series";
import { Follower, type Tally } from "./tally";

const CLOCK = new CityClock("America/Chicago");
const NAMES = {
  layers: [
    { name: "beat", areas: ["0111", "0112", "0113"].map((code) => ({ code, name: code })) },
    { name: "district", areas: ["1", "2"].map((code) => ({ code, name: code })) },
  ],
  categories: ["THEFT", "BATTERY", "ARSON"],
};

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

class World {
  readonly random: () => number;
  /** What is counted, by id. */
  readonly incidents = new Map<string, CountedIncident>();
  readonly offsets: Record<string, number> = { 0: 0, 1: 0 };

  constructor(seed: number) {
    this.random = dice(seed);
  }

  /** So many records, as the event that tells them. */
  event(records: number): LiveChange {
    const incidents = Array.from({ length: records }, () => this.#record()).filter((each) => each !== null);
    return { next_offsets: { ...this.offsets }, meta: {}, counts: null, incidents };
  }

  #record(): ChangedIncident | null {
    const partition = this.#pick([0, 1]);
    const offset = this.offsets[partition] ?? 0;
    this.offsets[partition] = offset + 1;
    // A record that changes nothing is in no event.
    if (this.random() < 0.1) return null;
    const known = [...this.incidents.keys()];
    const id = known.length > 0 && this.random() < 0.4 ? this.#pick(known) : `${partition}-${offset}`;
    const before = this.incidents.get(id) ?? null;
    const after = before !== null && this.random() < 0.3 ? null : this.#incident();
    if (after === null) this.incidents.delete(id);
    else this.incidents.set(id, after);
    return { partition, offset, id, before, after };
  }

  #incident(): CountedIncident {
    // Around the night on which the clock goes back: 5 November 2017.
    const instant = Date.UTC(2017, 10, 3) + Math.floor(this.random() * 5 * 24 * 60) * 60_000;
    const offset = CLOCK.offsetMs(instant);
    const isMapped = this.random() < 0.9;
    return {
      occurred_at: `${new Date(instant + offset).toISOString().slice(0, 19)}-0${-offset / 3_600_000}:00`,
      category: this.#pick(NAMES.categories),
      areas:
        this.random() < 0.9
          ? { beat: this.#pick(["0111", "0112", "0113"]), district: this.#pick(["1", "2"]) }
          : {},
      arrest: this.#pick([true, false, null]),
      domestic: this.#pick([true, false, null]),
      latitude: isMapped ? 41.8 + Math.floor(this.random() * 20) / 100 : null,
      longitude: isMapped ? -87.7 + Math.floor(this.random() * 20) / 100 : null,
    };
  }

  filter(): Filter {
    const some = <T>(values: readonly T[]): T[] =>
      this.random() < 0.5 ? [] : values.filter(() => this.random() < 0.6);
    return {
      ...NO_FILTER,
      from: this.#pick([null, "2017-11-04", "2017-11-05T01:30", "2017-11-05T02:00"]),
      to: this.#pick([null, "2017-11-06", "2017-11-07T12:00"]),
      categories: some(NAMES.categories),
      areas: [
        ...some(["0111", "0112"]).map((code) => ({ layer: "beat", code })),
        ...some(["1"]).map((code) => ({ layer: "district", code })),
      ],
      arrest: this.#pick([null, null, true, false]),
      domestic: this.#pick([null, null, true, false]),
      bbox: this.#pick([null, null, [-87.65, 41.83, -87.55, 41.95]]),
      hours: this.#pick([null, null, "0-60", "100-167"]),
    };
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.random() * values.length)];
    if (value === undefined) throw new Error("nothing to pick from");
    return value;
  }
}

interface Counting<T> {
  readonly count: (world: World) => T;
  readonly tally: (answer: T) => Tally<T>;
}

function matching(filter: Filter): Matches {
  const matches = matcherOf(filter, NAMES, CLOCK);
  if (matches === null) throw new Error("the filter names what there is");
  return matches;
}

const selected = (world: World, matches: Matches) =>
  [...world.incidents.values()].map((raw) => countedOf(raw, new Words())).filter(matches);

function seriesOf(filter: Filter, by: string, bucket: Bucket): Counting<Series> {
  const matches = matching(filter);
  const count = (world: World): Series => {
    const found = selected(world, matches);
    const numbers = found.map((counted) => bucketNumber(bucket, counted));
    const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
    const length = found.length === 0 ? 0 : last - first + 1;
    const lines = new Map<string, number[]>();
    found.forEach((counted, at) => {
      const key = by === "none" ? "" : by === "category" ? counted.category : (counted.areas[by] ?? "");
      const counts = lines.get(key) ?? new Array<number>(length).fill(0);
      lines.set(key, counts);
      const place = (numbers[at] ?? 0) - first;
      counts[place] = (counts[place] ?? 0) + 1;
    });
    const sum = (counts: readonly number[]) => counts.reduce((whole, each) => whole + each, 0);
    return {
      buckets: Array.from({ length }, (_, index) => nameOfNumber(bucket, first + index, CLOCK)),
      series: [...lines]
        .map(([key, counts]) => ({ key, counts }))
        .sort((a, b) => sum(b.counts) - sum(a.counts) || (a.key < b.key ? -1 : 1)),
      next_offsets: {},
    };
  };
  const question = { by, bucket, matches, clock: CLOCK, isOnAxis: () => true };
  return { count, tally: (answer) => new SeriesTally(answer, question) };
}

function cellsOf(filter: Filter): Counting<Cells> {
  const matches = matching(filter);
  const count = (world: World): Cells => {
    const found = selected(world, matches);
    const cells = new Map<string, number>();
    for (const { latitude, longitude } of found) {
      if (latitude === null || longitude === null) continue;
      const cell = latLngToCell(latitude, longitude, 8);
      cells.set(cell, (cells.get(cell) ?? 0) + 1);
    }
    const mapped = found.filter(({ latitude }) => latitude !== null).length;
    return {
      cells: [...cells].sort(([a], [b]) => (a < b ? -1 : 1)),
      resolution: 8,
      mapped,
      unmapped: found.length - mapped,
      next_offsets: {},
    };
  };
  return { count, tally: (answer) => new CellsTally(answer, matches, latLngToCell) };
}

function hoursOf(filter: Filter): Counting<Hours> {
  const matches = matching(filter);
  const count = (world: World): Hours => {
    const counts = new Array<number>(168).fill(0);
    for (const { civil } of selected(world, matches))
      counts[hourOfWeek(civil)] = (counts[hourOfWeek(civil)] ?? 0) + 1;
    return { lines: counts.every((each) => each === 0) ? [] : [{ key: "", counts }], next_offsets: {} };
  };
  return { count, tally: (answer) => new HoursTally(answer, matches) };
}

/** The stream goes on while an answer is on its way; then both must be the same, event after event. */
function check<T>(seed: number, counting: (filter: Filter, world: World) => Counting<T>): void {
  const world = new World(seed);
  const { count, tally } = counting(world.filter(), world);
  const log = new ChangeLog();
  log.add({ ...world.event(20), incidents: null });
  for (let at = 0; at < 4; at += 1) log.add(world.event(10));
  const [answer, offsets] = [count(world), { ...world.offsets }];
  const late = Array.from({ length: 3 }, () => world.event(7));
  // Some events are there before the answer, one of them reflected by it.
  log.add(late[0] ?? world.event(0));
  const follower = new Follower(tally(answer), offsets);
  follower.follow(log);
  for (const event of late.slice(1)) log.add(event);
  for (let at = 0; at < 30; at += 1) {
    expect(follower.follow(log)).not.toBe("unknown");
    const shown = follower.answer();
    expect(shown, `seed ${seed}, event ${at}`).toMatchObject(count(world) as object);
    log.add(world.event(Math.floor(world.random() * 12)));
  }
}

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

describe("random changes, applied one by one, are a recount:", () => {
  test.each(["hour", "day", "week", "month", "year"] as const)("a series by %s", (bucket) => {
    for (const seed of SEEDS) {
      const by = ["none", "category", "beat"][seed % 3] ?? "none";
      check(seed, (filter) => seriesOf(filter, by, bucket));
    }
  });

  test("hexagons", () => {
    for (const seed of SEEDS) check(seed, cellsOf);
  });

  test("hours of the week", () => {
    for (const seed of SEEDS) check(seed, hoursOf);
  });
});

describe("the log of changes", () => {
  const incident = new World(1).event(30).incidents?.find(({ after }) => after !== null)?.after ?? null;
  const event = (offset: number): LiveChange => ({
    next_offsets: { 0: offset + 1 },
    meta: {},
    counts: null,
    incidents: [{ partition: 0, offset, id: String(offset), before: null, after: incident }],
  });
  const gap = (offset: number): LiveChange => ({
    next_offsets: { 0: offset },
    meta: {},
    counts: null,
    incidents: null,
  });

  test("covers answers from its beginning on, and no older ones", () => {
    const log = new ChangeLog();
    expect(log.covers({ 0: 5 })).toBe(false);
    expect(log.add(gap(5))).toBe("began");
    expect(log.covers({ 0: 5 })).toBe(true);
    expect(log.covers({ 0: 4 })).toBe(false);
    expect(log.covers({})).toBe(false);
  });

  test("is bounded: an answer older than what it keeps is not covered", () => {
    const log = new ChangeLog(10);
    log.add(gap(0));
    for (let offset = 0; offset < 100; offset += 1) log.add(event(offset));
    expect(log.since(0).length).toBeLessThanOrEqual(11);
    expect(log.covers({ 0: 80 })).toBe(false);
    expect(log.covers({ 0: 95 })).toBe(true);
  });

  test("tells what was missed, and that nothing was", () => {
    const log = new ChangeLog();
    log.add(gap(0));
    expect(log.add(event(0))).toBe("moved");
    expect(log.add(gap(1))).toBe("same");
    expect(log.add(gap(9))).toBe("missed");
    expect(log.covers({ 0: 1 })).toBe(false);
  });

  test("begins anew with another snapshot", () => {
    const log = new ChangeLog();
    const snapshot = (version: number): LiveChange => ({
      ...gap(3),
      meta: { snapshot: { version, refused: null } },
    });
    log.add(snapshot(1));
    expect(log.add(snapshot(1))).toBe("same");
    expect(log.add(snapshot(2))).toBe("missed");
    // With incidents, nothing but them has changed.
    expect(log.add({ ...event(3), meta: { snapshot: { version: 3, refused: null } } })).toBe("moved");
  });
});

describe("where only the server can tell, a new answer is asked for:", () => {
  test("a filter by a name that is no code", () => {
    const by = (areas: Filter["areas"]) => matcherOf({ ...NO_FILTER, areas }, NAMES, CLOCK);
    expect(by([{ layer: "beat", code: "0111" }])).not.toBeNull();
    expect(by([{ layer: "beat", code: "Somewhere" }])).toBeNull();
    expect(matcherOf({ ...NO_FILTER, categories: ["theft"] }, NAMES, CLOCK)).toBeNull();
  });

  test("an incident far from all others", () => {
    const matches = matching(NO_FILTER);
    const answer = { buckets: [], series: [], next_offsets: {} };
    const question = { by: "none", bucket: "day" as const, matches, clock: CLOCK, isOnAxis: () => false };
    const counted = countedOf(
      {
        occurred_at: "2099-01-01T00:00:00-06:00",
        category: "THEFT",
        areas: {},
        arrest: null,
        domestic: null,
        latitude: null,
        longitude: null,
      },
      new Words(),
    );
    expect(new SeriesTally(answer, question).move(counted, 1)).toBe(false);
  });
});

test("the city's clock reads civil times as the server does", () => {
  const at = (text: string) => new Date(CLOCK.instantOf(civilMs(text))).toISOString();
  expect(at("2018-01-01")).toBe("2018-01-01T06:00:00.000Z");
  expect(at("2018-07-01")).toBe("2018-07-01T05:00:00.000Z");
  // Of the two half past ones the earlier; half past two is skipped and counts from before the change.
  expect(at("2017-11-05T01:30")).toBe("2017-11-05T06:30:00.000Z");
  expect(at("2017-03-12T02:30")).toBe("2017-03-12T08:30:00.000Z");
  expect(CLOCK.text(Date.UTC(2018, 0, 1, 5))).toBe("2017-12-31T23:00:00-06:00");
});
