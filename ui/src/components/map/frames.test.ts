import { beforeEach, expect, test } from "vitest";
import { Frames } from "./frames";

let now = 0;
let asked: FrameRequestCallback[] = [];
let frames: Frames;

beforeEach(() => {
  now = 0;
  asked = [];
  frames = new Frames({
    requestAnimationFrame: (frame) => asked.push(frame),
    cancelAnimationFrame: (id) => {
      asked = asked.filter((_, index) => index + 1 !== id);
    },
    performance: { now: () => now },
  });
});

/** Runs what was asked for. */
function run(): number {
  const due = asked;
  asked = [];
  for (const frame of due) frame(now);
  return due.length;
}

const loop = (): void => void frames.requestAnimationFrame(loop);

test("a loop rests until something moves, and again a while later", () => {
  loop();
  expect(run()).toBe(0);
  frames.wake();
  expect(run()).toBe(1);
  expect(run()).toBe(1);
  now = 501;
  expect(run()).toBe(1);
  expect(run()).toBe(0);
  frames.wake();
  expect(run()).toBe(1);
});

test("waking twice makes one loop", () => {
  loop();
  frames.wake();
  frames.wake();
  expect(run()).toBe(1);
  expect(run()).toBe(1);
});

test("a loop that is cancelled does not come back", () => {
  loop();
  frames.cancelAnimationFrame();
  frames.wake();
  expect(run()).toBe(0);
  loop();
  frames.cancelAnimationFrame();
  expect(run()).toBe(0);
});
