/**
 * The changed incidents of the live stream, as far back as an answer that is still on its way may need them.
 *
 * From `floor` on, per partition of the log, every change is here: an answer that reflects at least these offsets is
 * brought up to date by the changes at its own offsets and later. An older answer cannot be, and is asked for anew.
 */
import type { LiveChange, NextOffsets } from "../../api/types";
import { countedOf, Words, type Counted } from "./counted";

export interface Change {
  readonly partition: string;
  readonly offset: number;
  readonly before: Counted | null;
  readonly after: Counted | null;
}

/** `missed`: what came before is not here, so answers must be asked for anew. */
export type Added = "began" | "moved" | "same" | "missed";

export const MOST_CHANGES = 20_000;

export class ChangeLog {
  readonly #words = new Words();
  readonly #most: number;
  #changes: Change[] = [];
  /** Number of the first of them, counted from the first ever. */
  #first = 0;
  #floor: Record<string, number> = {};
  #position: Record<string, number> | null = null;
  #snapshot: number | null | undefined = undefined;

  constructor(most = MOST_CHANGES) {
    this.#most = most;
  }

  /** The number that the next change will have. */
  get end(): number {
    return this.#first + this.#changes.length;
  }

  get position(): NextOffsets | null {
    return this.#position;
  }

  add(event: LiveChange): Added {
    const before = this.#position;
    const reloaded = this.#isReloaded(event);
    if (event.incidents === null) {
      // After a lost connection, nothing was missed where nothing happened.
      const isSame = before !== null && sameOffsets(before, event.next_offsets);
      if (isSame && !reloaded) return "same";
      this.#begin(event.next_offsets);
      return before === null ? "began" : "missed";
    }
    if (before === null) {
      this.#begin(event.next_offsets);
      return "began";
    }
    for (const { partition, offset, before: was, after } of event.incidents) {
      this.#changes.push({
        partition: String(partition),
        offset,
        before: was === null ? null : countedOf(was, this.#words),
        after: after === null ? null : countedOf(after, this.#words),
      });
    }
    this.#position = { ...before, ...event.next_offsets };
    this.#trim();
    return sameOffsets(before, this.#position) ? "same" : "moved";
  }

  /** Whether all changes that an answer does not reflect are here. */
  covers(offsets: NextOffsets): boolean {
    if (this.#position === null) return false;
    for (const partition in this.#floor) {
      if ((offsets[partition] ?? 0) < (this.#floor[partition] ?? 0)) return false;
    }
    return true;
  }

  /** Changes from a number on. */
  since(number: number): readonly Change[] {
    const from = Math.max(0, number - this.#first);
    return from === 0 ? this.#changes : this.#changes.slice(from);
  }

  #begin(offsets: NextOffsets): void {
    this.#first = this.end;
    this.#changes = [];
    this.#floor = { ...offsets };
    this.#position = { ...offsets };
  }

  #trim(): void {
    // A tenth at a time: to drop one of an array is to move all others.
    if (this.#changes.length <= this.#most * 1.1) return;
    const dropped = this.#changes.length - this.#most;
    for (let at = 0; at < dropped; at += 1) {
      const change = this.#changes[at];
      if (change === undefined) break;
      const { partition, offset } = change;
      this.#floor[partition] = Math.max(this.#floor[partition] ?? 0, offset + 1);
    }
    this.#changes = this.#changes.slice(dropped);
    this.#first += dropped;
  }

  /** Another snapshot may count differently without a record of the log; where it does not, the event has incidents. */
  #isReloaded({ meta: { snapshot } }: LiveChange): boolean {
    if (snapshot == null) return false;
    const before = this.#snapshot;
    this.#snapshot = snapshot.version;
    return before !== undefined && before !== snapshot.version;
  }
}

export function sameOffsets(a: NextOffsets, b: NextOffsets): boolean {
  for (const key in a) if (a[key] !== b[key]) return false;
  for (const key in b) if (a[key] !== b[key]) return false;
  return true;
}
