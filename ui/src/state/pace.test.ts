import { describe, expect, it } from "vitest";
import { LEAST_MS, MOST_MS, Pace } from "./pace";

/** A browser whose frames come when the test says so. */
class FakeBrowser {
  now = 0;
  readonly performance = { now: () => this.now };
  #frame: (() => void) | null = null;

  requestAnimationFrame(frame: () => void): number {
    this.#frame = frame;
    return 1;
  }

  frame(after: number): void {
    this.now += after;
    const frame = this.#frame;
    this.#frame = null;
    frame?.();
  }
}

function pauseWithFrames(first: number, second: number): number {
  const browser = new FakeBrowser();
  const pace = new Pace(browser);
  expect(pace.pauseMs).toBe(LEAST_MS);
  pace.showing();
  browser.frame(first);
  browser.frame(second);
  return pace.pauseMs;
}

describe("how often changes are shown", () => {
  it("is four times a second where they are drawn at once", () => {
    expect(pauseWithFrames(5, 16)).toBe(LEAST_MS);
  });

  it("leaves two thirds of the time to the reader where drawing takes long", () => {
    expect(pauseWithFrames(100, 150)).toBe(750);
  });

  it("is never less often than every two seconds", () => {
    expect(pauseWithFrames(3000, 1000)).toBe(MOST_MS);
  });
});
