import { expect, test } from "vitest";
import { formatHours, hourName, hoursInWords, hoursOf, rectangle, toggled } from "./hours";

test.each(["0", "20-23", "20-23,44-47", "0-167"])("%s survives", (text) => {
  expect(formatHours(hoursOf(text) ?? new Set())).toBe(text);
});

test.each(["168", "7-3", "x", "", "1,,2"])("%s is none", (text) => expect(hoursOf(text)).toBeNull());

test("a rectangle spans days and hours", () => {
  expect(rectangle(4 * 24 + 21, 5 * 24 + 20)).toEqual([116, 117, 140, 141]);
});

test("what is wholly selected is taken away, else added", () => {
  const some = toggled(new Set([5]), [5, 6]);
  expect([...some]).toEqual([5, 6]);
  expect(formatHours(toggled(some, [5, 6]))).toBeNull();
});

test.each([
  ["116-119,140-143", "Fri 20:00–24:00, Sat 20:00–24:00"],
  ["116-121", "Fri 20:00–Sat 02:00"],
  ["0,2,4", "3 hours of the week"],
])("%s in words", (text, words) => expect(hoursInWords(text)).toBe(words));

test("an hour has a name", () => expect(hourName(167)).toBe("Sun 23:00–24:00"));
