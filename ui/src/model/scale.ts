/** Where buckets and counts lie in a chart's rectangle. */

export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Number of buckets. */
  readonly length: number;
  /** Count at the top. */
  readonly highest: number;
}

/** Middle of a bucket's column. */
export function columnX(plot: Plot, index: number): number {
  return plot.left + ((index + 0.5) / plot.length) * plot.width;
}

/** Left edge of a bucket's column. */
export function edgeX(plot: Plot, index: number): number {
  return plot.left + (index / plot.length) * plot.width;
}

export function countY(plot: Plot, count: number): number {
  return plot.top + plot.height - (count / plot.highest) * plot.height;
}

/** The bucket whose column an x lies in, the nearest one beyond the ends. */
export function bucketAt(plot: Plot, x: number): number {
  const index = Math.floor(((x - plot.left) / plot.width) * plot.length);
  return Math.min(Math.max(index, 0), plot.length - 1);
}

/** SVG path of `counts` from bucket `start` to `end` (exclusive). */
export function linePath(plot: Plot, counts: readonly number[], start = 0, end = counts.length): string {
  return counts
    .slice(start, end)
    .map((count, offset) => {
      const command = offset === 0 ? "M" : "L";
      return `${command}${columnX(plot, start + offset).toFixed(1)} ${countY(plot, count).toFixed(1)}`;
    })
    .join("");
}

/**
 * Heights for labels that want to stand at `wanted` but need `gap` pixels each: moved apart no more than needed, kept
 * between `top` and `bottom` as far as there is room, in the same order.
 */
export function spread(wanted: readonly number[], gap: number, top: number, bottom: number): number[] {
  const order = wanted.map((_, index) => index).toSorted((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const heights = order.map((index) => wanted[index] ?? 0);
  let least = top;
  for (let at = 0; at < heights.length; at += 1) {
    heights[at] = Math.max(heights[at] ?? 0, least);
    least = (heights[at] ?? 0) + gap;
  }
  let most = bottom;
  for (let at = heights.length - 1; at >= 0; at -= 1) {
    heights[at] = Math.min(heights[at] ?? 0, most);
    most = (heights[at] ?? 0) - gap;
  }
  const placed: number[] = [];
  order.forEach((index, at) => (placed[index] = heights[at] ?? 0));
  return placed;
}
