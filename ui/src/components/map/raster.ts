/** A grid as a picture: one pixel a cell, the north on top. */
import type { Drawing, Grid } from "../../model/layers/drawing";
import { parseRgb, type Theme } from "../../model/ramp";

export function rasterOf(drawing: Drawing, grid: Grid, theme: Theme): ImageData {
  const { width, height } = grid;
  const palette = drawing.classes.map(({ colours }) => parseRgb(colours[theme]));
  const data = new Uint8ClampedArray(width * height * 4);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const rgb = palette[drawing.classOf[row * width + column] ?? -1];
      if (rgb === undefined) continue;
      const at = ((height - 1 - row) * width + column) * 4;
      [data[at], data[at + 1], data[at + 2]] = rgb;
      data[at + 3] = 225;
    }
  }
  return new ImageData(data, width, height);
}
