import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Flights } from "./flights";

let flights: Flights;
let landed: boolean;

const wait = () => void flights.landed(30).then(() => (landed = true));

beforeEach(() => {
  vi.useFakeTimers();
  flights = new Flights();
  landed = false;
});

afterEach(() => vi.useRealTimers());

test("without a question on its way nothing is waited for", async () => {
  wait();
  await vi.advanceTimersByTimeAsync(0);
  expect(landed).toBe(true);
});

test("what is asked after the wait began, in the same task, is waited for; the last answer ends it", async () => {
  wait();
  flights.begin();
  flights.begin();
  await vi.advanceTimersByTimeAsync(5);
  flights.end();
  await vi.advanceTimersByTimeAsync(5);
  expect(landed).toBe(false);
  flights.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(landed).toBe(true);
});

test("an answer that takes long is not waited for", async () => {
  wait();
  flights.begin();
  await vi.advanceTimersByTimeAsync(29);
  expect(landed).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(landed).toBe(true);
});
