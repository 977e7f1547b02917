/** Periods that analysts ask for by name, counted back from the data's own clock, and the buckets that suit them. */
import type { Bucket } from "../api/types";
import { addDays, addMonths, civilMs, civilText, dayStart } from "./civil";

export interface Preset {
  readonly id: string;
  readonly label: string;
  /** Start of the period whose last day is the one that contains `now` (civil milliseconds). */
  readonly start: (now: number) => number;
}

export const PRESETS: readonly Preset[] = [
  { id: "7d", label: "Last 7 days", start: (now) => addDays(dayStart(now), -6) },
  { id: "28d", label: "Last 28 days", start: (now) => addDays(dayStart(now), -27) },
  {
    id: "ytd",
    label: "Year to date",
    start: (now) => Date.UTC(new Date(now).getUTCFullYear(), 0, 1),
  },
  { id: "12m", label: "Last 12 months", start: (now) => addMonths(addDays(dayStart(now), 1), -12) },
  { id: "5y", label: "Last 5 years", start: (now) => addMonths(addDays(dayStart(now), 1), -60) },
];

/** `from` of a preset. The end is left open, so that the newest data stays in view while it arrives. */
export function presetFrom(preset: Preset, dataAsOf: string): string {
  return civilText(preset.start(civilMs(dataAsOf)));
}

const DAYS: Readonly<Record<Bucket, number>> = { hour: 1 / 24, day: 1, week: 7, month: 30.44, year: 365.25 };

/** More points than the chart has pixels say nothing more. */
const COMFORTABLE_BUCKETS = 420;
/** The finest buckets that may be asked for by hand: the answer is one number per category and bucket. */
const MOST_BUCKETS = 3000;

/** The finest bucket that still draws a readable line over the period. */
export function bucketFor(startMs: number, endMs: number): Bucket {
  const days = (endMs - startMs) / 86_400_000;
  const fine: readonly Bucket[] = ["hour", "day", "week"];
  return fine.find((bucket) => days / DAYS[bucket] <= COMFORTABLE_BUCKETS) ?? "month";
}

export function isBucketSensible(bucket: Bucket, startMs: number, endMs: number): boolean {
  return (endMs - startMs) / 86_400_000 / DAYS[bucket] <= MOST_BUCKETS;
}
