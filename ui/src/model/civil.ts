/**
 * Civil times of the city, as text: "2016-01-01" or "2016-01-01T06:00".
 *
 * The browser's own time zone must play no part (a reader in Paris looks at Chicago's clock), so arithmetic runs on
 * UTC fields that merely carry civil values; daylight saving is the server's business.
 */
import type { Bucket } from "../api/types";

const CIVIL = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?$/;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export function isCivil(text: string): boolean {
  return Number.isFinite(civilMs(text));
}

/** Milliseconds of a civil time (an instant's offset is ignored: its civil part counts); NaN when malformed. */
export function civilMs(text: string): number {
  const match = CIVIL.exec(text.replace(/(?:Z|[+-]\d{2}:\d{2})$/, ""));
  if (match === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part || 0));
  const ms = Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0);
  // Date.UTC rolls 30 February over into March and a 13th month into January; such a time is none.
  const date = new Date(ms);
  const exists =
    date.getUTCMonth() + 1 === month &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute;
  return exists ? ms : Number.NaN;
}

/** The shortest text of a civil time: without its clock at midnight. */
export function civilText(ms: number): string {
  const text = new Date(ms).toISOString();
  return text.slice(11, 16) === "00:00" ? text.slice(0, 10) : text.slice(0, 16);
}

/** The civil hour that contains `ms`, always with its clock: "2018-08-05T06:00". */
export function hourText(ms: number): string {
  return new Date(ms - (((ms % HOUR_MS) + HOUR_MS) % HOUR_MS)).toISOString().slice(0, 16);
}

export function addHours(ms: number, hours: number): number {
  return ms + hours * HOUR_MS;
}

export function addDays(ms: number, days: number): number {
  return ms + days * DAY_MS;
}

export function addMonths(ms: number, months: number): number {
  const date = new Date(ms);
  const first = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0)).getUTCDate();
  return first + (Math.min(date.getUTCDate(), last) - 1) * DAY_MS + (ms % DAY_MS);
}

/** Civil start of the bucket that follows the one starting at `start`. */
export function nextBucketStart(start: number, bucket: Bucket): number {
  switch (bucket) {
    case "hour":
      return start + 3_600_000;
    case "day":
      return addDays(start, 1);
    case "week":
      return addDays(start, 7);
    case "month":
      return addMonths(start, 1);
    case "year":
      return addMonths(start, 12);
  }
}

/** Start of the civil day that contains `ms`. */
export function dayStart(ms: number): number {
  return ms - (((ms % DAY_MS) + DAY_MS) % DAY_MS);
}
