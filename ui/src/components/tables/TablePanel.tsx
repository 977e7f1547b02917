/** The figures of the map as tables, for reading, sorting and for whoever cannot use a map. */
import { useState } from "preact/hooks";
import type { AreaLayer, Cells, Series } from "../../api/types";
import type { AreaShape } from "../../model/areas";
import type { CountClass } from "../../model/classes";
import { useQuery } from "../../state/query";
import { Choice } from "../Choice";
import { AreaTable } from "./AreaTable";
import { CellTable } from "./CellTable";
import { IncidentTable } from "./IncidentTable";

type Tab = "areas" | "hexagons" | "incidents";

interface Props {
  readonly query: string;
  readonly revision: number;
  readonly layer: AreaLayer | null;
  readonly shapes: readonly AreaShape[];
  readonly cells: Cells | null;
  readonly classes: readonly CountClass[];
  readonly period: string;
  readonly chosenAreas: readonly string[];
  readonly onToggleArea: (code: string) => void;
}

export function TablePanel(props: Props) {
  const { query, revision, layer, shapes, cells, classes, period, chosenAreas, onToggleArea } = props;
  const [chosenTab, setTab] = useState<Tab>("areas");
  const tab = chosenTab === "areas" && layer === null ? "hexagons" : chosenTab;
  const areasPath =
    tab === "areas" && layer !== null
      ? `/api/v1/series?by=${encodeURIComponent(layer.name)}&bucket=year${query === "" ? "" : `&${query}`}`
      : null;
  const areas = useQuery<Series>(areasPath, revision);
  const tabs = [
    ...(layer === null ? [] : [{ value: "areas" as const, label: layer.title }]),
    { value: "hexagons" as const, label: "Hexagons" },
    { value: "incidents" as const, label: "Latest incidents" },
  ];
  return (
    <section class="panel tables" aria-label="Tables">
      <header class="panel-header">
        <h2>Tables</h2>
        <Choice label="Table" name="table" value={tab} options={tabs} onChange={setTab} />
      </header>
      {tab === "areas" && layer !== null && areas.data !== null && (
        <AreaTable
          layer={layer}
          series={areas.data}
          shapes={shapes}
          period={period}
          chosen={chosenAreas}
          onToggle={onToggleArea}
        />
      )}
      {tab === "hexagons" && cells !== null && <CellTable cells={cells} classes={classes} period={period} />}
      {tab === "incidents" && <IncidentTable query={query} revision={revision} layer={layer} />}
    </section>
  );
}
