/** What the colours mean: unit, period, the exact range of each class and how many hexagons fall into it. */
import type { CountClass } from "../../model/classes";
import { formatCount, plural } from "../../model/format";
import { rampColours, type Theme } from "../../model/ramp";
import { hexagonArea } from "../../model/resolution";
import { COARSEST_RESOLUTION, FINEST_RESOLUTION } from "../../model/view";

interface Props {
  readonly classes: readonly CountClass[];
  readonly resolution: number;
  readonly chosen: number | null;
  readonly period: string;
  /** Incidents that match, on the map or not. */
  readonly matching: number;
  readonly unmapped: number;
  readonly theme: Theme;
  readonly onChoose: (resolution: number | null) => void;
}

const RESOLUTIONS = Array.from(
  { length: FINEST_RESOLUTION - COARSEST_RESOLUTION + 1 },
  (_, index) => COARSEST_RESOLUTION + index,
);

export function Legend({ classes, resolution, chosen, period, matching, unmapped, theme, onChoose }: Props) {
  const colours = rampColours(theme, classes.length);
  return (
    <section class="legend" data-testid="legend" aria-label="Legend">
      <h2>Incidents per hexagon of ≈{hexagonArea(resolution)}</h2>
      <p class="legend-period">{period}</p>
      <ol class="legend-classes">
        {classes.map(({ from, to, cells }, index) => (
          <li key={from}>
            <i class="swatch" style={{ background: colours[index] }} />
            <span class="legend-range">
              {from === to ? formatCount(from) : `${formatCount(from)}–${formatCount(to)}`}
            </span>
            <span class="legend-cells" title={`${plural(cells, "hexagon", "hexagons")} in this class`}>
              {formatCount(cells)}
              <span class="visually-hidden"> {cells === 1 ? "hexagon" : "hexagons"}</span>
            </span>
          </li>
        ))}
        <li>
          <i class="swatch swatch-none" />
          <span class="legend-range">0</span>
          <span class="legend-cells">not filled</span>
        </li>
      </ol>
      {matching > 0 && (
        <p class="legend-note" data-testid="unmapped">
          {unmapped === 0
            ? "Every match has a usable location."
            : `${plural(unmapped, "match is", "matches are")} not on the map: no usable location.`}
        </p>
      )}
      <label class="legend-size">
        Hexagon size
        <select
          value={chosen ?? ""}
          onChange={({ currentTarget }) =>
            onChoose(currentTarget.value === "" ? null : Number(currentTarget.value))
          }
        >
          <option value="">by zoom</option>
          {RESOLUTIONS.map((each) => (
            <option key={each} value={each}>
              {hexagonArea(each)}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}
