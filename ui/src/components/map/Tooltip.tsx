/** What is known of the place under the pointer or crosshair, with the class that its colour stands for. */
import type { LayerClass, Told } from "../../model/layers/drawing";
import type { Theme } from "../../model/ramp";
import { Swatch } from "./Swatch";

interface Props {
  readonly x: number;
  readonly y: number;
  readonly isLeft: boolean;
  readonly told: Told;
  readonly its: LayerClass | null;
  readonly theme: Theme;
  readonly area: string | null;
}

export function Tooltip({ x, y, isLeft, told, its, theme, area }: Props) {
  const [first, ...others] = told.lines;
  return (
    <div
      class={`tooltip map-tooltip${isLeft ? " map-tooltip-left" : ""}`}
      style={{ left: `${x}px`, top: `${y}px` }}
      aria-hidden="true"
    >
      <strong>{told.title}</strong>
      {first !== undefined && (
        <span class="tooltip-class">
          {its !== null && <Swatch its={its} theme={theme} />}
          {first}
        </span>
      )}
      {others.map((line) => (
        <span key={line}>{line}</span>
      ))}
      {area !== null && <span>{area}</span>}
    </div>
  );
}
