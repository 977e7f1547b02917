/** The course of a peak: since when it is above its usual range. */
import type { Course } from "../api/types";
import { addHours, civilMs, civilText } from "./civil";
import { formatCivil } from "./format";

/** Index of the first step of the run above the usual range that still goes on; null where the newest is not above it. */
export function riseIndex({ observed, high }: Pick<Course, "observed" | "high">): number | null {
  const last = observed.findLastIndex((count, index) => count <= (high[index] ?? 0));
  return last + 1 < observed.length ? last + 1 : null;
}

/** "Above its usual range since 3 Aug 2017, 06:00"; `end`: of the newest step. */
export function riseInWords(course: Course, end: string): string | null {
  const index = riseIndex(course);
  if (index === null) return null;
  const hours = (course.observed.length - index) * course.step_hours;
  return `Above its usual range since ${formatCivil(civilText(addHours(civilMs(end), -hours)))}`;
}
