/** A series that follows the stream: its edge moves, new buckets and lines appear, empty ones go. */
import type { Bucket, Series } from "../../api/types";
import { bucketNumber, nameOfNumber, numberOfName } from "./buckets";
import type { CityClock } from "./clock";
import type { Counted, Matches } from "./counted";
import type { Tally } from "./tally";

export interface SeriesQuestion {
  /** `none`, `category`, or a layer of areas. */
  readonly by: string;
  readonly bucket: Bucket;
  readonly matches: Matches;
  readonly clock: CityClock;
  /**
   * Where an end of the period is open, incidents far from all others are not counted there; which they are, the
   * server decides.
   */
  readonly isOnAxis: (counted: Counted) => boolean;
}

/** So many buckets more than an answer had are no edge that moves. */
const MOST_ADDED = 2000;

interface Line {
  /** From bucket number `#first` on. */
  counts: number[];
  total: number;
  /** As it was handed out last; null once it has changed. */
  shown: Series["series"][number] | null;
}

export class SeriesTally implements Tally<Series> {
  readonly #question: SeriesQuestion;
  readonly #answer: Series;
  readonly #lines = new Map<string, Line>();
  #first: number;
  #length: number;
  #buckets: { readonly first: number; readonly names: readonly string[] };

  constructor(answer: Series, question: SeriesQuestion) {
    this.#question = question;
    this.#answer = answer;
    const [name] = answer.buckets;
    this.#first = name === undefined ? 0 : numberOfName(question.bucket, name);
    this.#length = answer.buckets.length;
    this.#buckets = { first: this.#first, names: answer.buckets };
    for (const shown of answer.series) {
      const total = shown.counts.reduce((sum, count) => sum + count, 0);
      this.#lines.set(shown.key, { counts: [...shown.counts], total, shown });
    }
  }

  move(counted: Counted, by: 1 | -1): boolean {
    const { matches, isOnAxis, bucket } = this.#question;
    if (!matches(counted)) return true;
    if (!isOnAxis(counted)) return false;
    const number = bucketNumber(bucket, counted);
    if (!this.#reach(number)) return false;
    const line = this.#line(this.#keyOf(counted));
    const at = number - this.#first;
    line.counts[at] = (line.counts[at] ?? 0) + by;
    line.total += by;
    line.shown = null;
    return (line.counts[at] ?? 0) >= 0;
  }

  answer(): Series {
    const lines = [...this.#lines].filter(([, { total }]) => total > 0);
    const [from, to] = this.#range(lines.map(([, line]) => line));
    const start = this.#first + from;
    const isMoved = start !== this.#buckets.first || to - from !== this.#buckets.names.length;
    if (isMoved) this.#buckets = { first: start, names: this.#names(start, to - from) };
    return {
      ...this.#answer,
      buckets: this.#buckets.names,
      series: lines
        .toSorted(([a, { total }], [b, { total: other }]) => other - total || (a < b ? -1 : a > b ? 1 : 0))
        .map(([key, line]) => {
          if (line.shown === null || isMoved || line.shown.counts.length !== to - from)
            line.shown = { key, counts: line.counts.slice(from, to) };
          return line.shown;
        }),
    };
  }

  #keyOf({ category, areas }: Counted): string {
    const { by } = this.#question;
    return by === "none" ? "" : by === "category" ? category : (areas[by] ?? "");
  }

  #line(key: string): Line {
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line: Line = { counts: new Array<number>(this.#length).fill(0), total: 0, shown: null };
    this.#lines.set(key, line);
    return line;
  }

  /** Makes room for a bucket. */
  #reach(number: number): boolean {
    if (this.#length === 0) {
      this.#first = number;
      this.#length = 1;
      return true;
    }
    const before = this.#first - number;
    const behind = number - (this.#first + this.#length - 1);
    if (before > MOST_ADDED || behind > MOST_ADDED) return false;
    if (before > 0) {
      for (const line of this.#lines.values())
        line.counts = [...new Array<number>(before).fill(0), ...line.counts];
      this.#first = number;
      this.#length += before;
    } else if (behind > 0) {
      for (const line of this.#lines.values()) for (let at = 0; at < behind; at += 1) line.counts.push(0);
      this.#length += behind;
    }
    return true;
  }

  /** From the first to the last bucket with any incident. */
  #range(lines: readonly Line[]): readonly [from: number, to: number] {
    const has = (at: number) => lines.some(({ counts }) => (counts[at] ?? 0) > 0);
    let [from, to] = [0, this.#length];
    while (from < to && !has(from)) from += 1;
    while (to > from && !has(to - 1)) to -= 1;
    return [from, to];
  }

  #names(start: number, length: number): string[] {
    const { bucket, clock } = this.#question;
    const { first, names } = this.#buckets;
    return Array.from(
      { length },
      (_, index) => names[start + index - first] ?? nameOfNumber(bucket, start + index, clock),
    );
  }
}
