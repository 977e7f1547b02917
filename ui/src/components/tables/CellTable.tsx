/** What the map draws as a table: the same hexagons, grid cells or peaks with the same figures and classes. */
import type { RefObject } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { LayerAnswer } from "../../model/layers";
import type { Drawing } from "../../model/layers/drawing";
import { useCalm } from "../../state/calm";
import { useDrawn } from "../../state/drawn";
import { SortableTable, sortRows, type Column } from "./SortableTable";
import { changeTable } from "./columns/change";
import { countTable } from "./columns/count";
import { densityTable } from "./columns/density";
import { emergingTable } from "./columns/emerging";
import { hotspotTable } from "./columns/hotspots";
import { peakTable } from "./columns/peaks";

const PAGE = 100;

/** Rows, columns and order of a layer's table; rows of different layers never meet. */
export interface LayerTable<Row> {
  readonly caption: (shown: number) => string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly initial: { readonly id: string; readonly descending: boolean };
}

interface Props {
  /** What must not move while it is read. */
  readonly element: RefObject<HTMLElement | null>;
}

export function CellTable({ element }: Props) {
  const drawn = useDrawn();
  const { drawing, answer, period } = useCalm(
    element,
    drawn,
    `${drawn.path ?? ""} ${drawn.drawing === null}`,
  );
  const table = useMemo(
    () => (drawing === null || answer === null ? null : tableOf(answer, drawing, period)),
    [drawing, answer, period],
  );
  if (table === null) return <p class="empty">Loading…</p>;
  return <Pages key={drawing?.layer} table={table} />;
}

function Pages({ table }: { readonly table: LayerTable<never> }) {
  const { columns, rows, keyOf, initial, caption } = table;
  const [shown, setShown] = useState(PAGE);
  const [order, setOrder] = useState(initial);
  const column = columns.find(({ id }) => id === order.id) ?? columns[0];
  // Sorted before it is cut: the first page is the first of all, whatever the order.
  const sorted = column === undefined ? rows : sortRows(rows, column, order.descending);
  return (
    <>
      <SortableTable
        caption={caption(Math.min(shown, rows.length))}
        columns={columns}
        rows={sorted.slice(0, shown)}
        keyOf={keyOf}
        initial={initial}
        onOrder={setOrder}
      />
      {rows.length > shown && (
        <button type="button" class="more" onClick={() => setShown(shown + PAGE)}>
          Show {Math.min(PAGE, rows.length - shown)} more
        </button>
      )}
    </>
  );
}

function tableOf(answer: LayerAnswer, drawing: Drawing, period: string): LayerTable<never> {
  switch (answer.layer) {
    case "count":
      return countTable(answer.data, drawing, period) as unknown as LayerTable<never>;
    case "density":
      return densityTable(answer.data, drawing, period) as unknown as LayerTable<never>;
    case "hotspots":
      return hotspotTable(answer.data, period) as unknown as LayerTable<never>;
    case "emerging":
      return emergingTable(answer.data, period) as unknown as LayerTable<never>;
    case "change":
      return changeTable(answer.data, period) as unknown as LayerTable<never>;
    case "peaks":
      return peakTable(answer.data, answer.areas, answer.window) as unknown as LayerTable<never>;
  }
}
