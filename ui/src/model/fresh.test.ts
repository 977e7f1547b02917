import { expect, test } from "vitest";
import { freshCells, marked } from "./fresh";

test("new and risen cells are fresh, fallen and unchanged ones are not", () => {
  expect(
    freshCells(
      [
        ["a", 1],
        ["b", 5],
        ["c", 2],
      ],
      [
        ["a", 1],
        ["b", 6],
        ["c", 1],
        ["d", 3],
      ],
    ),
  ).toEqual(["d", "b"]);
});

test("a flood marks the greatest rises only", () => {
  const after = Array.from({ length: 100 }, (_, index) => [String(index), index + 1] as [string, number]);
  const fresh = freshCells([], after);
  expect(fresh).toHaveLength(60);
  expect(fresh[0]).toBe("99");
});

test("marks go after a while, and a flood leaves the last", () => {
  const risen = new Map([
    ["old", 1],
    ...Array.from({ length: 70 }, (_, at): [string, number] => [`${at}`, 5]),
  ]);
  const found = marked(risen, 1);
  expect(found).toHaveLength(60);
  expect(found.at(-1)).toBe("69");
  expect(risen.has("old")).toBe(false);
});
