/** The figures of the map as tables, for reading, sorting and for whoever cannot use a map. */
import { useRef } from "preact/hooks";
import { useAreas } from "../../state/areas";
import { useDrawn } from "../../state/drawn";
import { useView } from "../../state/view";
import { Choice } from "../Choice";
import { DataView } from "../data/DataView";
import { AreaTable } from "./AreaTable";
import { CellTable } from "./CellTable";
import { IncidentTable } from "./IncidentTable";

export function TablePanel() {
  const { layer } = useAreas();
  const element = useRef<HTMLDivElement>(null);
  const { answer } = useDrawn();
  const { view, look } = useView();
  const tab = view.table === "areas" && layer === null ? "hexagons" : view.table;
  const tabs = [
    ...(layer === null ? [] : [{ value: "areas" as const, label: layer.title }]),
    { value: "hexagons" as const, label: mapTab(answer?.layer ?? "count") },
    { value: "incidents" as const, label: "Latest incidents" },
    { value: "data" as const, label: "Data" },
  ];
  return (
    <section class="panel tables" aria-label="Tables">
      <header class="panel-header">
        <h2>Tables</h2>
        <Choice
          label="Table"
          name="table"
          value={tab}
          options={tabs}
          testId="table-"
          onChange={(table) => look({ table })}
        />
      </header>
      <div ref={element}>
        {tab === "areas" && layer !== null && <AreaTable layer={layer} element={element} />}
        {tab === "hexagons" && <CellTable element={element} />}
        {tab === "incidents" && <IncidentTable element={element} />}
        {tab === "data" && <DataView />}
      </div>
    </section>
  );
}

/** The table holds the same as the map. */
function mapTab(layer: string): string {
  if (layer === "density") return "Grid cells";
  return layer === "peaks" ? "Peaks" : "Hexagons";
}
