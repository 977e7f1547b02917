/** The map's hexagons as a table, the fullest first. */
import { useState } from "preact/hooks";
import type { Cells } from "../../api/types";
import { classOf, type CountClass } from "../../model/classes";
import { formatCount, formatShare, plural } from "../../model/format";
import { hexagonArea } from "../../model/resolution";
import { SortableTable, type Column } from "./SortableTable";

const PAGE = 100;

interface Props {
  readonly cells: Cells;
  readonly classes: readonly CountClass[];
  readonly period: string;
}

interface Row {
  readonly place: number;
  readonly cell: string;
  readonly count: number;
}

export function CellTable({ cells, classes, period }: Props) {
  const [shown, setShown] = useState(PAGE);
  const ranked = cells.cells.toSorted((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const rows = ranked.slice(0, shown).map(([cell, count], index): Row => ({ place: index + 1, cell, count }));
  const columns: Column<Row>[] = [
    { id: "place", title: "Rank", numeric: true, value: ({ place }) => place },
    { id: "cell", title: "Hexagon (H3)", value: ({ cell }) => cell, show: ({ cell }) => <code>{cell}</code> },
    {
      id: "count",
      title: "Incidents",
      numeric: true,
      value: ({ count }) => count,
      show: ({ count }) => formatCount(count),
    },
    {
      id: "share",
      title: "Share of mapped",
      numeric: true,
      value: ({ count }) => count,
      show: ({ count }) => formatShare(count, cells.mapped),
    },
    {
      id: "class",
      title: "Class on the map",
      numeric: true,
      value: ({ count }) => classOf(classes, count) + 1,
      show: ({ count }) => `${classOf(classes, count) + 1} of ${classes.length}`,
    },
  ];
  return (
    <>
      <SortableTable
        caption={`The ${plural(rows.length, "fullest hexagon", "fullest hexagons")} of ${formatCount(ranked.length)}, each ≈${hexagonArea(cells.resolution)}, ${period}`}
        columns={columns}
        rows={rows}
        keyOf={({ cell }) => cell}
        initial={{ id: "place", descending: false }}
      />
      {ranked.length > shown && (
        <button type="button" class="more" onClick={() => setShown(shown + PAGE)}>
          Show {Math.min(PAGE, ranked.length - shown)} more
        </button>
      )}
    </>
  );
}
