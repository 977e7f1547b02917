/**
 * A filter that is being chosen, as the views ask by it. The map asks first and draws its answer; the other views follow,
 * so that what moves under the reader's hand never waits for them.
 */
import type { Filter } from "../model/filter";

/** A map that takes longer keeps nobody waiting. */
export const FOLLOW_MS = 60;

export class Preview {
  readonly #lead: (filter: Filter | null) => void;
  readonly #others: (filter: Filter | null) => void;
  /** What the others have not asked by yet. */
  #ahead: Filter | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(lead: (filter: Filter | null) => void, others: (filter: Filter | null) => void) {
    this.#lead = lead;
    this.#others = others;
  }

  choose(filter: Filter): void {
    this.#lead(filter);
    this.#ahead = filter;
    this.#timer ??= setTimeout(() => this.follow(), FOLLOW_MS);
  }

  /** The map has drawn what it asked. */
  follow(): void {
    const filter = this.#ahead;
    this.#stop();
    if (filter !== null) this.#others(filter);
  }

  end(): void {
    this.#stop();
    this.#lead(null);
    this.#others(null);
  }

  #stop(): void {
    this.#ahead = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
