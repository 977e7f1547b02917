/** An answer of counts that changed incidents move, one by one, to what the server would answer now. */
import type { NextOffsets } from "../../api/types";
import type { Change, ChangeLog } from "./changes";
import type { Counted } from "./counted";

export interface Tally<T> {
  /** Counts one incident more or less, where it is selected; false where only the server can tell what that makes. */
  move(counted: Counted, by: 1 | -1): boolean;
  /** Equal parts of two answers in a row are the same objects. */
  answer(): T;
}

/** Makes a tally of an answer. */
export type TallyOf<T> = (answer: T) => Tally<T>;

export type Step = "none" | "moved" | "unknown";

/** One answer that follows the stream: each change is applied once, and only if the answer does not reflect it yet. */
export class Follower<T> {
  readonly #tally: Tally<T>;
  readonly #offsets: Record<string, number>;
  #next = 0;

  constructor(tally: Tally<T>, offsets: NextOffsets) {
    this.#tally = tally;
    this.#offsets = { ...offsets };
  }

  /** Applies what is new; `unknown` asks for a new answer. */
  follow(log: ChangeLog): Step {
    if (log.position === null) return "none";
    if (!log.covers(this.#offsets)) return "unknown";
    let step: Step = "none";
    for (const change of log.since(this.#next)) {
      if (change.offset < (this.#offsets[change.partition] ?? 0)) continue;
      if (!this.#apply(change)) return "unknown";
      step = "moved";
    }
    this.#next = log.end;
    for (const partition in log.position) {
      this.#offsets[partition] = Math.max(this.#offsets[partition] ?? 0, log.position[partition] ?? 0);
    }
    return step;
  }

  answer(): T {
    return this.#tally.answer();
  }

  #apply({ before, after }: Change): boolean {
    const left = before === null || this.#tally.move(before, -1);
    return left && (after === null || this.#tally.move(after, 1));
  }
}
