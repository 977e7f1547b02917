import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Reflecting } from "../api/client";
import type { LiveChange } from "../api/types";
import { ChangeLog } from "../model/increments/changes";
import { countedOf, Words, type Counted } from "../model/increments/counted";
import type { Tally } from "../model/increments/tally";
import { Following } from "./following";
import type { Answer } from "./query";

/** A sum that every incident moves, but for arsons, of which only the server can tell. */
class Sum implements Tally<number> {
  #sum: number;
  constructor(sum: number) {
    this.#sum = sum;
  }
  move({ category }: Counted, by: 1 | -1): boolean {
    this.#sum += by;
    return category !== "ARSON";
  }
  answer(): number {
    return this.#sum;
  }
}

let log: ChangeLog;
let requests: ((answer: Reflecting<number>) => void)[];
let answers: Answer<number>[];
let following: Following<number>;
let revision: number;

const settle = () => vi.advanceTimersByTimeAsync(0);
const latest = () => answers.at(-1)?.data;

beforeEach(() => {
  vi.useFakeTimers();
  log = new ChangeLog();
  [requests, answers, revision] = [[], [], 0];
  following = new Following<number>(
    log,
    (answer) => answers.push(answer),
    () => new Promise((answer) => requests.push(answer)),
  );
});

afterEach(() => vi.useRealTimers());

function want(epoch = 0, follows = true): void {
  revision += 1;
  const tallyOf = follows ? (sum: number) => new Sum(sum) : null;
  following.want({ path: "/a", tallyOf, revision, epoch, context: null });
}

function event(offset: number, category = "THEFT"): LiveChange {
  const after = {
    occurred_at: "2017-12-31T23:58:00-06:00",
    category,
    areas: {},
    arrest: null,
    domestic: null,
    latitude: null,
    longitude: null,
  };
  expect(countedOf(after, new Words()).category).toBe(category);
  const incidents = [{ partition: 0, offset, id: String(offset), before: null, after }];
  return { next_offsets: { 0: offset + 1 }, meta: {}, counts: null, incidents };
}

const gap = (offset: number): LiveChange => ({
  ...event(offset),
  next_offsets: { 0: offset },
  incidents: null,
});

test("an answer that arrives while events stream is brought up to date, each event once", async () => {
  log.add(gap(5));
  want();
  log.add(event(5));
  log.add(event(6));
  want();
  // It was counted after the first of both.
  requests[0]?.({ data: 100, offsets: { 0: 6 } });
  await settle();
  expect(latest()).toBe(101);
  log.add(event(7));
  want();
  want();
  expect(latest()).toBe(102);
  expect(requests).toHaveLength(1);
});

test("an answer from before the stream is asked for anew", async () => {
  want();
  requests[0]?.({ data: 100, offsets: { 0: 3 } });
  await settle();
  expect(latest()).toBe(100);
  log.add(gap(5));
  want();
  await vi.advanceTimersByTimeAsync(1000);
  expect(requests).toHaveLength(2);
  requests[1]?.({ data: 102, offsets: { 0: 5 } });
  await settle();
  log.add(event(5));
  want();
  expect(latest()).toBe(103);
});

test("what counts along may come after the answer", async () => {
  log.add(gap(5));
  revision = 7;
  want(1, false);
  requests[0]?.({ data: 100, offsets: { 0: 5 } });
  await settle();
  log.add(event(5));
  want(1);
  expect(latest()).toBe(101);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(requests).toHaveLength(1);
});

test("after a gap the next answer is the server's", async () => {
  log.add(gap(0));
  want();
  requests[0]?.({ data: 10, offsets: { 0: 0 } });
  await settle();
  log.add(gap(8));
  want(1);
  await vi.advanceTimersByTimeAsync(1000);
  requests[1]?.({ data: 18, offsets: { 0: 8 } });
  await settle();
  expect(latest()).toBe(18);
  expect(requests).toHaveLength(2);
});

test("where only the server can tell, it is asked", async () => {
  log.add(gap(0));
  want();
  requests[0]?.({ data: 10, offsets: { 0: 0 } });
  await settle();
  log.add(event(0, "ARSON"));
  want();
  expect(latest()).toBe(10);
  await vi.advanceTimersByTimeAsync(1000);
  requests[1]?.({ data: 10, offsets: { 0: 1 } });
  await settle();
  expect(latest()).toBe(10);
});

test("what follows is checked once a minute, and not while nothing moves", async () => {
  log.add(gap(0));
  want();
  requests[0]?.({ data: 0, offsets: { 0: 0 } });
  await settle();
  for (let second = 0; second < 130; second += 1) {
    log.add(event(second));
    want();
    await vi.advanceTimersByTimeAsync(1000);
    requests[requests.length - 1]?.({ data: second + 1, offsets: { 0: second + 1 } });
    await settle();
    expect(latest()).toBe(second + 1);
  }
  expect(requests).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(requests).toHaveLength(3);
});

test("nothing is asked again while the reader pauses", async () => {
  log.add(gap(0));
  want();
  requests[0]?.({ data: 10, offsets: { 0: 0 } });
  await settle();
  want(1);
  following.hold(true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(requests).toHaveLength(1);
  following.hold(false);
  await vi.advanceTimersByTimeAsync(1000);
  expect(requests).toHaveLength(2);
});
