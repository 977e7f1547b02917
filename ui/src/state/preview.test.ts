import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NO_FILTER, type Filter } from "../model/filter";
import { FOLLOW_MS, Preview } from "./preview";

let lead: (string | null)[];
let others: (string | null)[];
let preview: Preview;

const from = (day: string): Filter => ({ ...NO_FILTER, from: day });

beforeEach(() => {
  vi.useFakeTimers();
  [lead, others] = [[], []];
  preview = new Preview(
    (filter) => lead.push(filter?.from ?? null),
    (filter) => others.push(filter?.from ?? null),
  );
});

afterEach(() => vi.useRealTimers());

test("the map asks at once, the others when it has drawn", () => {
  preview.choose(from("2017-01-01"));
  expect([lead, others]).toEqual([["2017-01-01"], []]);
  preview.follow();
  expect(others).toEqual(["2017-01-01"]);
  vi.advanceTimersByTime(FOLLOW_MS);
  expect(others).toEqual(["2017-01-01"]);
});

test("a slow map keeps the others waiting no longer than the limit, however often the filter changes", () => {
  preview.choose(from("2017-01-01"));
  vi.advanceTimersByTime(FOLLOW_MS - 1);
  preview.choose(from("2017-01-02"));
  vi.advanceTimersByTime(1);
  expect(others).toEqual(["2017-01-02"]);
});

test("a map that draws again is nothing to follow", () => {
  preview.follow();
  preview.choose(from("2017-01-01"));
  preview.follow();
  preview.follow();
  expect(others).toEqual(["2017-01-01"]);
});

test("the end is for all at once, and nothing comes after it", () => {
  preview.choose(from("2017-01-01"));
  preview.end();
  vi.advanceTimersByTime(FOLLOW_MS);
  expect([lead, others]).toEqual([["2017-01-01", null], [null]]);
});
