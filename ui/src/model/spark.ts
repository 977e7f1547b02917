/** The small chart of a course: observed as a line, the usual range as a band, expected as a dashed line. */
import type { Course } from "../api/types";

export interface Spark {
  readonly observed: string;
  readonly expected: string;
  readonly band: string;
  /** The newest step. */
  readonly last: readonly [x: number, y: number];
}

/** Paths within `width` and `height`, of which `margin` stays free on each side. */
export function sparkOf(
  course: Pick<Course, "observed" | "expected" | "low" | "high">,
  box: Box,
): Spark | null {
  const { observed, expected, low, high } = course;
  const length = observed.length;
  if (length === 0) return null;
  const top = Math.max(1, ...observed, ...expected, ...high);
  const x = (index: number) =>
    box.margin + (length === 1 ? 0.5 : index / (length - 1)) * (box.width - 2 * box.margin);
  const y = (count: number) => box.height - box.margin - (count / top) * (box.height - 2 * box.margin);
  const point = (counts: readonly number[], index: number) =>
    `${x(index).toFixed(1)} ${y(counts[index] ?? 0).toFixed(1)}`;
  const indices = observed.map((_, index) => index);
  const line = (counts: readonly number[]) => `M${indices.map((index) => point(counts, index)).join("L")}`;
  const back = indices.toReversed().map((index) => point(low, index));
  return {
    observed: line(observed),
    expected: line(expected),
    band: `${line(high)}L${back.join("L")}Z`,
    last: [x(length - 1), y(observed.at(-1) ?? 0)],
  };
}

export interface Box {
  readonly width: number;
  readonly height: number;
  readonly margin: number;
}
