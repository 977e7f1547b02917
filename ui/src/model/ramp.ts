/**
 * The sequential colour ramp, from few to many.
 *
 * Lightness changes steadily (OKLCH, one hue path from yellow over red to violet), so that the order survives every
 * kind of colour vision and a grey print; it never pairs red with green. Many is always what stands out from the
 * ground: darkest on a light page, lightest on a dark one.
 */

export type Theme = "light" | "dark";
export type Rgb = readonly [number, number, number];

const RAMPS: Readonly<Record<Theme, readonly string[]>> = {
  light: ["#feda7f", "#ffa649", "#f66c3a", "#d63b58", "#a41e6c", "#6b156e", "#351059"],
  dark: ["#472975", "#803186", "#ba3d7f", "#ea5866", "#ff8b54", "#ffc175", "#fff0a7"],
};

/** `count` colours of the ramp, as far apart as they can be. */
export function rampColours(theme: Theme, count: number): string[] {
  const ramp = RAMPS[theme];
  if (count <= 1) return ramp.slice(3, 3 + count);
  return Array.from({ length: count }, (_, index) => {
    const position = Math.round((index * (ramp.length - 1)) / (count - 1));
    return ramp[position] ?? "#888888";
  });
}

export function parseRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** WCAG relative luminance, 0 to 1. */
export function luminance(hex: string): number {
  const [red, green, blue] = parseRgb(hex).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
}

/** Ink that stands out from a colour. */
export function inkOn(colour: string): string {
  return luminance(colour) > 0.19 ? "#10161b" : "#ffffff";
}
