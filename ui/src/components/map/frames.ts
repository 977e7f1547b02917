/**
 * Frames for a loop that asks for one after the other: it gets them for a moment after something has moved, and rests
 * then. Left alone, deck.gl's loop runs 60 times a second for as long as the page is open.
 */

/** Longer than what one change may take over several frames. */
const AWAKE_MS = 500;

interface Browser {
  requestAnimationFrame(frame: FrameRequestCallback): number;
  cancelAnimationFrame(id: number): void;
  readonly performance: { now(): number };
}

export class Frames {
  readonly #browser: Browser;
  #awakeUntil = 0;
  /** What waits for the next change. */
  #resting: FrameRequestCallback | null = null;
  #id = 0;

  constructor(browser: Browser = window) {
    this.#browser = browser;
  }

  /** Something moves. */
  wake(): void {
    this.#awakeUntil = this.#browser.performance.now() + AWAKE_MS;
    const frame = this.#resting;
    this.#resting = null;
    if (frame !== null) this.#id = this.#browser.requestAnimationFrame(frame);
  }

  requestAnimationFrame(frame: FrameRequestCallback): number {
    if (this.#browser.performance.now() < this.#awakeUntil) {
      this.#id = this.#browser.requestAnimationFrame(frame);
    } else {
      this.#resting = frame;
    }
    return this.#id;
  }

  /** There is one loop, and so one frame that can be waited for. */
  cancelAnimationFrame(): void {
    this.#resting = null;
    this.#browser.cancelAnimationFrame(this.#id);
  }
}
