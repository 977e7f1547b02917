/** Buckets of time by consecutive numbers: where an incident lies, and how the API names a bucket. */
import type { Bucket } from "../../api/types";
import { civilMs } from "../civil";
import type { CityClock } from "./clock";
import type { Counted } from "./counted";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** 29 December 1969 was a Monday. */
const MONDAY_MS = -3 * DAY_MS;

export function bucketNumber(bucket: Bucket, { instant, civil }: Counted): number {
  // Hours are elapsed ones: a clock that goes back repeats none.
  return bucket === "hour" ? Math.floor(instant / HOUR_MS) : civilNumber(bucket, civil);
}

export function numberOfName(bucket: Bucket, name: string): number {
  return bucket === "hour" ? Math.floor(Date.parse(name) / HOUR_MS) : civilNumber(bucket, civilMs(name));
}

export function nameOfNumber(bucket: Bucket, number: number, clock: CityClock): string {
  switch (bucket) {
    case "hour":
      return clock.text(number * HOUR_MS);
    case "day":
      return dateText(number * DAY_MS);
    case "week":
      return dateText(number * 7 * DAY_MS + MONDAY_MS);
    case "month":
      return dateText(Date.UTC(Math.floor(number / 12), number % 12, 1));
    case "year":
      return dateText(Date.UTC(number, 0, 1));
  }
}

function civilNumber(bucket: Exclude<Bucket, "hour">, civil: number): number {
  const date = new Date(civil);
  switch (bucket) {
    case "day":
      return Math.floor(civil / DAY_MS);
    case "week":
      return Math.floor((civil - MONDAY_MS) / (7 * DAY_MS));
    case "month":
      return date.getUTCFullYear() * 12 + date.getUTCMonth();
    case "year":
      return date.getUTCFullYear();
  }
}

function dateText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
