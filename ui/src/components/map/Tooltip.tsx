/** The count of the hexagon under the pointer or crosshair, with the class that its colour stands for. */
import type { CountClass } from "../../model/classes";
import { formatCount, plural } from "../../model/format";
import { rampColours, type Theme } from "../../model/ramp";

interface Props {
  readonly x: number;
  readonly y: number;
  readonly count: number;
  readonly classes: readonly CountClass[];
  readonly classIndex: number;
  readonly theme: Theme;
  readonly area: string | null;
}

export function Tooltip({ x, y, count, classes, classIndex, theme, area }: Props) {
  const its = classes[classIndex];
  return (
    <div class="tooltip map-tooltip" style={{ left: `${x}px`, top: `${y}px` }} aria-hidden="true">
      <strong>{plural(count, "incident", "incidents")}</strong>
      {its !== undefined && count > 0 && (
        <span class="tooltip-class">
          <i class="swatch" style={{ background: rampColours(theme, classes.length)[classIndex] }} />
          class {classIndex + 1} of {classes.length}: {formatCount(its.from)}
          {its.to > its.from && `–${formatCount(its.to)}`}
        </span>
      )}
      {area !== null && <span>{area}</span>}
    </div>
  );
}
