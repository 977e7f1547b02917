import { describe, expect, test } from "vitest";
import { MOST_CLASSES } from "./classes";
import { luminance, rampColours, type Theme } from "./ramp";

describe.each<Theme>(["light", "dark"])("the %s ramp", (theme) => {
  test.each([1, 2, 3, 4, 5, 6, MOST_CLASSES])("has %d different colours", (count) => {
    expect(new Set(rampColours(theme, count)).size).toBe(count);
  });

  test("gets steadily darker or lighter, so that it reads without hue", () => {
    const lightness = rampColours(theme, MOST_CLASSES).map(luminance);
    const sorted = lightness.toSorted((a, b) => (theme === "light" ? b - a : a - b));
    expect(lightness).toEqual(sorted);
    lightness.slice(1).forEach((value, index) => {
      const [high, low] = [Math.max(value, lightness[index] ?? 0), Math.min(value, lightness[index] ?? 0)];
      expect((high + 0.05) / (low + 0.05)).toBeGreaterThan(1.2);
    });
  });
});

test("no classes, no colours", () => expect(rampColours("light", 0)).toEqual([]));
