/** What the colours mean: unit, period, how the figures came about, each class with how many are in it, and caveats. */
import { useState } from "preact/hooks";
import { formatCount, plural } from "../../model/format";
import type { Drawing } from "../../model/layers/drawing";
import type { Theme } from "../../model/ramp";
import { hexagonArea } from "../../model/resolution";
import { COARSEST_RESOLUTION, FINEST_RESOLUTION } from "../../model/view";
import { useDrawn } from "../../state/drawn";
import { usePeakingAreas } from "../../state/peaking";
import { useTheme } from "../../state/theme";
import { useView } from "../../state/view";
import { PALETTES } from "./palette";
import { Swatch } from "./Swatch";

export function Legend() {
  const { drawing, period } = useDrawn();
  const { theme } = useTheme();
  const { at } = useView().view;
  // On a phone it would push the list off the first screen; there it opens at a touch.
  const [isOpen] = useState(() => matchMedia("(min-width: 861px)").matches);
  return (
    <details class="legend" data-testid="legend" open={isOpen}>
      <summary>
        <h2>{drawing?.heading ?? "Nothing is drawn"}</h2>
      </summary>
      {drawing?.layer !== "peaks" && (
        <p class="legend-period">
          {period}
          {at !== null && ", the moment shown"}
        </p>
      )}
      {drawing !== null && drawing.classes.length > 0 && (
        <p class="legend-unit" aria-hidden="true">
          {drawing.unit[1]}
        </p>
      )}
      {drawing !== null && <Classes drawing={drawing} theme={theme} />}
      {drawing !== null && drawing.layer !== "peaks" && <PeakingNote />}
      {drawing?.facts.map((fact) => (
        <p key={fact} class="legend-note">
          {fact}
        </p>
      ))}
      {drawing?.caution != null && <p class="legend-caution">⚠ {drawing.caution}</p>}
      {drawing !== null && <Unmapped drawing={drawing} />}
      {drawing?.layer === "change" && <ComparedWith />}
      {drawing?.resolution != null && <HexagonSize />}
    </details>
  );
}

function PeakingNote() {
  const { theme } = useTheme();
  if (usePeakingAreas().length === 0) return null;
  return (
    <p class="legend-note legend-peaking">
      <i class="legend-dashes" style={{ borderColor: PALETTES[theme].peaking }} /> beyond its usual variation:
      see the list
    </p>
  );
}

interface ClassesProps {
  readonly drawing: Drawing;
  readonly theme: Theme;
}

function Classes({ drawing: { classes, unit, rest }, theme }: ClassesProps) {
  const [one, many] = unit;
  return (
    <ol class="legend-classes">
      {classes.map((its) => (
        <li key={its.id}>
          <Swatch its={its} theme={theme} />
          <span class="legend-range">{its.label}</span>
          <span class="legend-cells" title={`${plural(its.members, one, many)} in this class`}>
            {formatCount(its.members)}
            <span class="visually-hidden"> {its.members === 1 ? one : many}</span>
          </span>
        </li>
      ))}
      {rest !== null && (
        <li>
          <i class="swatch swatch-none" />
          <span class="legend-range">{rest[0]}</span>
          <span class="legend-cells">{rest[1]}</span>
        </li>
      )}
    </ol>
  );
}

function Unmapped({ drawing: { mapped, unmapped } }: { readonly drawing: Drawing }) {
  if (mapped === null || unmapped === null || mapped + unmapped === 0) return null;
  return (
    <p class="legend-note" data-testid="unmapped">
      {unmapped === 0
        ? "Every match has a usable location."
        : `${plural(unmapped, "match is", "matches are")} not on the map: no usable location.`}
    </p>
  );
}

const RESOLUTIONS = Array.from(
  { length: FINEST_RESOLUTION - COARSEST_RESOLUTION + 1 },
  (_, index) => COARSEST_RESOLUTION + index,
);

function HexagonSize() {
  const { view, look } = useView();
  return (
    <label class="legend-size">
      Hexagon size
      <select
        value={view.resolution ?? ""}
        onChange={({ currentTarget }) =>
          look({ resolution: currentTarget.value === "" ? null : Number(currentTarget.value) })
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
  );
}

function ComparedWith() {
  const { view, look } = useView();
  return (
    <label class="legend-size">
      Compared with
      <select
        data-testid="compared"
        value={view.compared}
        onChange={({ currentTarget }) =>
          look({ compared: currentTarget.value === "year" ? "year" : "before" })
        }
      >
        <option value="before">the period before</option>
        <option value="year">the year before</option>
      </select>
    </label>
  );
}
