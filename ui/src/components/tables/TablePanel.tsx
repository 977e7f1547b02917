/** The figures of the map as tables, for reading, sorting and for whoever cannot use a map. */
import { useMemo, useRef } from "preact/hooks";
import { useAreas } from "../../state/areas";
import { useDrawn } from "../../state/drawn";
import { useIsSeen } from "../../state/seen";
import { PreviewIfSeen, useView } from "../../state/view";
import { Choice } from "../Choice";
import { DataView } from "../data/DataView";
import { AreaTable } from "./AreaTable";
import { CellTable } from "./CellTable";
import { IncidentTable } from "./IncidentTable";

export function TablePanel() {
  const { layer } = useAreas();
  const element = useRef<HTMLDivElement>(null);
  const { answer } = useDrawn();
  const isSeen = useIsSeen(element);
  const { view, look } = useView();
  const tab = view.table === "areas" && layer === null ? "hexagons" : view.table;
  const tabs = [
    ...(layer === null ? [] : [{ value: "areas" as const, label: layer.title }]),
    { value: "hexagons" as const, label: mapTab(answer?.layer ?? "count") },
    { value: "incidents" as const, label: "Latest incidents" },
    { value: "data" as const, label: "Data" },
  ];
  // The same element as before while the map is drawn anew, which alone is nothing to render a table for.
  const table = useMemo(() => {
    if (tab === "areas") return layer === null ? null : <AreaTable layer={layer} element={element} />;
    if (tab === "hexagons") return <CellTable element={element} />;
    return tab === "incidents" ? <IncidentTable element={element} /> : <DataView />;
  }, [tab, layer]);
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
        <PreviewIfSeen isSeen={isSeen}>{table}</PreviewIfSeen>
      </div>
    </section>
  );
}

/** The table holds the same as the map. */
function mapTab(layer: string): string {
  if (layer === "density") return "Grid cells";
  return layer === "peaks" ? "Peaks" : "Hexagons";
}
