import { edgeX, type Plot } from "../../model/scale";

/** Digits and capitals of the axis's type are about this wide. */
const CHARACTER_PX = 6.6;

/** Whether a tick's label, which stands to the right of its tick, ends within the plot. */
export function fits(plot: Plot, index: number, label: string): boolean {
  return edgeX(plot, index) + 3 + label.length * CHARACTER_PX <= plot.left + plot.width + 8;
}
