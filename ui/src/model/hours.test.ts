import { expect, test } from "vitest";
import { formatHours, hourClasses, hourName, hoursInWords, hoursOf, rectangle, toggled } from "./hours";

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

test("the classes of hours have one width, from the least count to the greatest", () => {
  const classes = hourClasses([0, 100, 103, 107, 113]);
  expect(classes.map(({ from, to }) => [from, to])).toEqual([
    [100, 101],
    [102, 103],
    [104, 105],
    [106, 107],
    [108, 109],
    [110, 111],
    [112, 113],
  ]);
  expect(classes.map(({ cells }) => cells)).toEqual([1, 1, 0, 1, 0, 0, 1]);
});

test("equal counts make one class, and no counts make none", () => {
  expect(hourClasses([7, 7, 7])).toEqual([{ from: 7, to: 7, cells: 3 }]);
  expect(hourClasses([0, 0])).toEqual([]);
});
