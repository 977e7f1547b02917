/** A class's colour with its sign. */
import type { LayerClass } from "../../model/layers/drawing";
import { inkOn, type Theme } from "../../model/ramp";

interface Props {
  readonly its: Pick<LayerClass, "colours" | "sign">;
  readonly theme: Theme;
}

export function Swatch({ its: { colours, sign }, theme }: Props) {
  const background = colours[theme];
  const color = inkOn(background);
  return (
    <i
      class={sign.length > 1 ? "swatch swatch-wide" : "swatch"}
      style={{ background, color }}
      aria-hidden="true"
    >
      {sign}
    </i>
  );
}
