/** What the map shows. */
import { LAYER_TITLES, OFFERED, offered, type Offered } from "../../model/layers";
import { useAreas } from "../../state/areas";
import { useView } from "../../state/view";
import { Choice } from "../Choice";

const HINTS: Readonly<Record<Offered, string>> = {
  count: "Incidents by hexagon",
  density: "Kernel density: incidents per km² and year",
  hotspots: "Hot and cold spots: Getis-Ord Gi*, corrected for all tests",
  emerging: "How hot and cold spots changed over the months",
  change: "Hexagons with more or fewer incidents than before: exact test, corrected for all",
  peaks: "Areas that are beyond their usual variation now",
};

export function LayerSwitch() {
  const { view, look } = useView();
  const { layer } = useAreas();
  const options = OFFERED.filter((each) => each !== "peaks" || layer !== null);
  return (
    <Choice
      label="Map layer"
      name="layer"
      testId="layer-"
      value={offered(view.layer)}
      options={options.map((value) => ({ value, label: LAYER_TITLES[value], hint: HINTS[value] }))}
      onChange={(chosen) => look({ layer: chosen })}
    />
  );
}
