/** Ticks for the time series: round numbers up the side, calendar boundaries along the bottom. */
import { civilMs } from "./civil";

export interface TimeTick {
  /** Index of the bucket that the tick stands at. */
  readonly index: number;
  readonly label: string;
}

/** 0 and up to `most` round steps above, the last one at or above `highest`. */
export function valueTicks(highest: number, most = 4, isWhole = true): number[] {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / most;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * magnitude >= rough) ?? 10;
  // Counts are whole: a tick at 0.5 incidents would be nonsense.
  const step = isWhole ? Math.max(1, factor * magnitude) : factor * magnitude;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, index) => index * step);
}

type Unit = "hour" | "day" | "month" | "year";

/** Calendar steps from fine to coarse: the first that gives few enough ticks is used. */
const STEPS: readonly (readonly [Unit, number])[] = [
  ["hour", 1],
  ["hour", 3],
  ["hour", 6],
  ["hour", 12],
  ["day", 1],
  ["day", 2],
  ["day", 7],
  ["day", 14],
  ["month", 1],
  ["month", 2],
  ["month", 3],
  ["month", 6],
  ["year", 1],
  ["year", 2],
  ["year", 5],
  ["year", 10],
];

/** At most `most` ticks, at the first bucket of each calendar step. */
export function timeTicks(buckets: readonly string[], most: number): TimeTick[] {
  const starts = buckets.map(civilMs);
  const finest = finestUnit(starts, (buckets[0]?.length ?? 0) > 10);
  for (const [unit, size] of STEPS.slice(STEPS.findIndex(([each]) => each === finest))) {
    const indices = stepStarts(starts, unit, size);
    if (indices.length <= most) return label(starts, indices, unit);
  }
  return label(starts, stepStarts(starts, "year", 20), "year");
}

/** A unit finer than the buckets would name every month by its first day. */
function finestUnit(starts: readonly number[], hasClock: boolean): Unit {
  const [first, second] = starts;
  if (first === undefined || second === undefined) return hasClock ? "hour" : "day";
  const days = (second - first) / 86_400_000;
  if (days < 1) return "hour";
  if (days < 28) return "day";
  return days < 365 ? "month" : "year";
}

/** Indices where the number of the calendar step changes. */
function stepStarts(starts: readonly number[], unit: Unit, size: number): number[] {
  const indices: number[] = [];
  let previous: number | null = null;
  starts.forEach((start, index) => {
    const step = Math.floor(ordinal(start, unit) / size);
    if (previous !== null && step !== previous) indices.push(index);
    // The first bucket is a boundary only if it starts exactly on one.
    if (previous === null && isBoundary(start, unit, size)) indices.push(index);
    previous = step;
  });
  return indices;
}

function ordinal(ms: number, unit: Unit): number {
  const date = new Date(ms);
  switch (unit) {
    case "hour":
      return Math.floor(ms / 3_600_000);
    case "day":
      return Math.floor(ms / 86_400_000);
    case "month":
      return date.getUTCFullYear() * 12 + date.getUTCMonth();
    case "year":
      return date.getUTCFullYear();
  }
}

function isBoundary(ms: number, unit: Unit, size: number): boolean {
  return Math.floor(ordinal(ms - 1, unit) / size) !== Math.floor(ordinal(ms, unit) / size);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Each label says what changed: the year at a year's first tick, the date at midnight. */
function label(starts: readonly number[], indices: readonly number[], unit: Unit): TimeTick[] {
  let previousYear = -1;
  return indices.map((index) => {
    const date = new Date(starts[index] ?? 0);
    const year = date.getUTCFullYear();
    const month = MONTHS[date.getUTCMonth()] ?? "";
    const newYear = year !== previousYear;
    previousYear = year;
    const day = `${date.getUTCDate()} ${month}`;
    if (unit === "year") return { index, label: String(year) };
    if (unit === "month") return { index, label: newYear ? `${month} ${year}` : month };
    if (unit === "day") return { index, label: newYear ? `${day} ${year}` : day };
    const hour = date.getUTCHours();
    return { index, label: hour === 0 ? day : `${String(hour).padStart(2, "0")}:00` };
  });
}
