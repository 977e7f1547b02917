/**
 * A series laid out over the period that was asked for.
 *
 * The server's buckets run from the first to the last matching incident; a rare category would seem to end early.
 * Zeros are zeros, so both ends are filled up to the period, and unfinished buckets at either end are marked.
 */
import type { Bucket, Series } from "../api/types";
import { civilMs, civilText, nextBucketStart } from "./civil";

export interface Timeline {
  readonly bucket: Bucket;
  /** Civil start of each bucket. */
  readonly buckets: readonly string[];
  readonly series: readonly { readonly key: string; readonly counts: readonly number[] }[];
  /** The first bucket starts before the period does. */
  readonly firstIsPartial: boolean;
  /** The last bucket is not over yet, by the data's clock or by the period's end. */
  readonly lastIsPartial: boolean;
}

/** `start` and `end` (exclusive) in civil milliseconds. */
export function layOut(series: Series, bucket: Bucket, start: number, end: number): Timeline {
  const known = series.buckets.map(civilMs);
  const first = known[0];
  const last = known.at(-1);
  if (first === undefined || last === undefined) {
    return { bucket, buckets: [], series: [], firstIsPartial: false, lastIsPartial: false };
  }
  const before = startsBefore(first, bucket, start);
  const after = startsAfter(last, bucket, end);
  const starts = [...before, ...known, ...after];
  const padded = series.series.map(({ key, counts }) => ({
    key,
    counts: [...before.map(() => 0), ...counts, ...after.map(() => 0)],
  }));
  return {
    bucket,
    buckets: starts.map(civilText),
    series: padded,
    firstIsPartial: (starts[0] ?? start) < start,
    lastIsPartial: nextBucketStart(starts.at(-1) ?? end, bucket) > end,
  };
}

/** More zeros than this on one side would be a mistake in the data (a year of 1900), not a picture. */
const MOST_ADDED = 5000;

function startsBefore(first: number, bucket: Bucket, start: number): number[] {
  const starts: number[] = [];
  let at = previousStart(first, bucket);
  while (nextBucketStart(at, bucket) > start && starts.length < MOST_ADDED) {
    starts.unshift(at);
    at = previousStart(at, bucket);
  }
  return starts;
}

function startsAfter(last: number, bucket: Bucket, end: number): number[] {
  const starts: number[] = [];
  let at = nextBucketStart(last, bucket);
  while (at < end && starts.length < MOST_ADDED) {
    starts.push(at);
    at = nextBucketStart(at, bucket);
  }
  return starts;
}

function previousStart(at: number, bucket: Bucket): number {
  const date = new Date(at);
  switch (bucket) {
    case "hour":
      return at - 3_600_000;
    case "day":
      return at - 86_400_000;
    case "week":
      return at - 7 * 86_400_000;
    case "month":
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - 1, 1);
    case "year":
      return Date.UTC(date.getUTCFullYear() - 1, 0, 1);
  }
}
