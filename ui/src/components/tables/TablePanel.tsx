/** The figures of the map as tables, for reading, sorting and for whoever cannot use a map. */
import { useState } from "preact/hooks";
import { useAreas } from "../../state/areas";
import { useDrawn } from "../../state/drawn";
import { Choice } from "../Choice";
import { AreaTable } from "./AreaTable";
import { CellTable } from "./CellTable";
import { IncidentTable } from "./IncidentTable";

type Tab = "areas" | "hexagons" | "incidents";

export function TablePanel() {
  const { layer } = useAreas();
  const { answer } = useDrawn();
  const [chosenTab, setTab] = useState<Tab>("areas");
  const tab = chosenTab === "areas" && layer === null ? "hexagons" : chosenTab;
  const tabs = [
    ...(layer === null ? [] : [{ value: "areas" as const, label: layer.title }]),
    { value: "hexagons" as const, label: mapTab(answer?.layer ?? "count") },
    { value: "incidents" as const, label: "Latest incidents" },
  ];
  return (
    <section class="panel tables" aria-label="Tables">
      <header class="panel-header">
        <h2>Tables</h2>
        <Choice label="Table" name="table" value={tab} options={tabs} onChange={setTab} />
      </header>
      {tab === "areas" && layer !== null && <AreaTable layer={layer} />}
      {tab === "hexagons" && <CellTable />}
      {tab === "incidents" && <IncidentTable />}
    </section>
  );
}

/** The table holds the same as the map. */
function mapTab(layer: string): string {
  if (layer === "density") return "Grid cells";
  return layer === "peaks" ? "Peaks" : "Hexagons";
}
