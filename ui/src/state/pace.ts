/**
 * How often a flood of changes is shown: four times a second, or less often where showing takes long. A page that draws
 * a third of the time leaves the other two to the reader.
 */

/** As often as a reader can follow. */
export const LEAST_MS = 250;
/** What is live is shown while it is. */
export const MOST_MS = 2000;
const SHARE = 3;

interface Browser {
  requestAnimationFrame(frame: () => void): number;
  readonly performance: { now(): number };
}

export class Pace {
  readonly #browser: Browser;
  #pauseMs = LEAST_MS;

  constructor(browser: Browser = window) {
    this.#browser = browser;
  }

  /** Until changes are shown next. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Changes are being shown: by the frame after the next they are, and so long that took. */
  showing(): void {
    const since = this.#browser.performance.now();
    this.#browser.requestAnimationFrame(() => {
      this.#browser.requestAnimationFrame(() => {
        const took = this.#browser.performance.now() - since;
        this.#pauseMs = Math.min(Math.max(took * SHARE, LEAST_MS), MOST_MS);
      });
    });
  }
}
