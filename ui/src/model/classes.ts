/**
 * Classes of a cell map: integer breaks, computed from every cell of a filter and resolution.
 *
 * They never depend on what part of the map is in view, so that a colour means the same wherever one pans to, and
 * every count falls into exactly one class, which is what makes the legend true.
 */
import type { Cell } from "../api/types";

export interface CountClass {
  /** Smallest count of the class. */
  readonly from: number;
  /** Largest count of the class that occurs or could occur before the next class starts. */
  readonly to: number;
  /** How many cells are in it. */
  readonly cells: number;
}

export const MOST_CLASSES = 7;

/**
 * Share of cells below each break. Counts per cell are heavily skewed (half of the cells hold a handful, one holds an
 * airport), so equal shares would spend the colours on the unremarkable and hide the top; these thin out upwards.
 */
const SHARES = [0.25, 0.5, 0.7, 0.85, 0.95, 0.99];

export function classify(cells: readonly Cell[]): CountClass[] {
  const counts = Float64Array.from(cells, (cell) => cell[1])
    .filter((count) => count > 0)
    .sort();
  const highest = counts.at(-1);
  if (highest === undefined) return [];
  return withCells(breaks(counts), counts, highest);
}

/** Index of the class that a count falls into; -1 below the first. */
export function classOf(classes: readonly CountClass[], count: number): number {
  let index = -1;
  while (index + 1 < classes.length && count >= (classes[index + 1]?.from ?? Infinity)) index += 1;
  return index;
}

/** The least count of each class, ascending, from sorted positive counts. */
function breaks(counts: Float64Array): number[] {
  const lowest = counts[0] ?? 1;
  const distinct = distinctUpTo(counts, MOST_CLASSES);
  if (distinct.length <= MOST_CLASSES) return distinct;
  const starts = [lowest];
  for (const share of SHARES) {
    const quantile = counts[Math.floor(share * counts.length)] ?? lowest;
    const start = roundUp(quantile);
    if (start > (starts.at(-1) ?? 0) && start <= (counts.at(-1) ?? 0)) starts.push(start);
  }
  return starts;
}

function withCells(starts: readonly number[], counts: Float64Array, highest: number): CountClass[] {
  let done = 0;
  return starts.map((from, index) => {
    const next = starts[index + 1];
    const end = next === undefined ? counts.length : lowerBound(counts, next);
    const cells = end - done;
    done = end;
    return { from, to: next === undefined ? highest : next - 1, cells };
  });
}

/** Distinct values, giving up (with one too many) beyond `most`. */
function distinctUpTo(counts: Float64Array, most: number): number[] {
  const values: number[] = [];
  for (const count of counts) {
    if (count !== values.at(-1)) values.push(count);
    if (values.length > most) break;
  }
  return values;
}

/** Up to a number that people count in: 1 to 10, then 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120 … */
function roundUp(value: number): number {
  if (value <= 10) return Math.ceil(value);
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((each) => each * magnitude >= value) ?? 10;
  return Math.round(step * magnitude);
}

function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
