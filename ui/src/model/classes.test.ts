import { describe, expect, test } from "vitest";
import type { Cell } from "../api/types";
import { classify, classOf, MOST_CLASSES } from "./classes";

function cells(counts: readonly number[]): Cell[] {
  return counts.map((count, index) => [`cell ${index}`, count]);
}

/** Deterministic and as skewed as crime is: many cells with a few, a few with many. */
function skewed(length: number): number[] {
  return Array.from({ length }, (_, index) => Math.ceil(5000 / (1 + ((index * 7919) % length)) ** 0.9));
}

describe("classes", () => {
  test("of nothing there are none", () => expect(classify([])).toEqual([]));

  test("cells of zero are in no class", () => {
    expect(classify(cells([0, 0, 3]))).toEqual([{ from: 3, to: 3, cells: 1 }]);
    expect(classOf(classify(cells([0, 3])), 0)).toBe(-1);
  });

  test("few distinct counts get a class each", () => {
    expect(classify(cells([1, 1, 2, 9]))).toEqual([
      { from: 1, to: 1, cells: 2 },
      { from: 2, to: 8, cells: 1 },
      { from: 9, to: 9, cells: 1 },
    ]);
  });

  test.each([10, 100, 1000, 20_000])("%d cells are all in the legend, once", (length) => {
    const counts = skewed(length);
    const classes = classify(cells(counts));
    expect(classes.length).toBeLessThanOrEqual(MOST_CLASSES);
    expect(classes.length).toBeGreaterThanOrEqual(4);
    expect(classes.reduce((sum, each) => sum + each.cells, 0)).toBe(length);
    classes.forEach(({ from, to, cells }, index) => {
      expect(cells).toBe(counts.filter((count) => count >= from && count <= to).length);
      expect(from).toBe(Math.round(from));
      if (index > 0) expect(from).toBe((classes[index - 1]?.to ?? 0) + 1);
    });
    expect(classes.at(-1)?.to).toBe(Math.max(...counts));
  });

  test("every count is in the class whose range holds it", () => {
    const counts = skewed(500);
    const classes = classify(cells(counts));
    for (const count of counts) {
      const its = classes[classOf(classes, count)];
      expect(its?.from).toBeLessThanOrEqual(count);
      expect(its?.to).toBeGreaterThanOrEqual(count);
    }
  });

  test("do not depend on the order of the cells", () => {
    const counts = skewed(300);
    expect(classify(cells(counts.toReversed()))).toEqual(classify(cells(counts)));
  });
});
