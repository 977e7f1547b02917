/** A selected range of buckets, and the period of the filter that it stands for. */
import type { Bucket } from "../api/types";
import { civilMs, civilText, nextBucketStart } from "./civil";

/** Indices of buckets; `end` is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Period {
  readonly from: string | null;
  readonly to: string | null;
}

/**
 * A range that reaches an end of the data leaves that end open: the newest data then stays in view while it arrives,
 * and a shared link means "until now".
 */
export function periodOf(range: Range, buckets: readonly string[], bucket: Bucket): Period {
  const first = buckets[range.start];
  const last = buckets[range.end - 1];
  const to = last === undefined ? null : civilText(nextBucketStart(civilMs(last), bucket));
  return {
    from: range.start <= 0 ? null : (first ?? null),
    to: range.end >= buckets.length ? null : to,
  };
}

/** The buckets that a period touches. */
export function rangeOf(period: Period, buckets: readonly string[], bucket: Bucket): Range {
  const starts = buckets.map(civilMs);
  const from = period.from === null ? -Infinity : civilMs(period.from);
  const to = period.to === null ? Infinity : civilMs(period.to);
  const start = starts.findIndex((each) => nextBucketStart(each, bucket) > from);
  const end = starts.findLastIndex((each) => each < to) + 1;
  return start === -1 ? { start: starts.length, end: starts.length } : { start, end: Math.max(start, end) };
}

/** Two bucket indices in any order, as a range that holds both and lies within the buckets. */
export function spanning(a: number, b: number, length: number): Range {
  const clamp = (index: number) => Math.min(Math.max(index, 0), Math.max(length - 1, 0));
  return { start: clamp(Math.min(a, b)), end: clamp(Math.max(a, b)) + 1 };
}

/** The range moved as a whole, without changing its length at the ends. */
export function moved(range: Range, by: number, length: number): Range {
  const shift = Math.min(Math.max(by, -range.start), length - range.end);
  return { start: range.start + shift, end: range.end + shift };
}
