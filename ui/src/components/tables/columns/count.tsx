import type { Cells } from "../../../api/types";
import { formatCount, formatShare, plural } from "../../../model/format";
import type { Drawing } from "../../../model/layers/drawing";
import { hexagonArea } from "../../../model/resolution";
import type { LayerTable } from "../CellTable";

interface Row {
  readonly place: number;
  readonly cell: string;
  readonly count: number;
  readonly its: number;
}

export function countTable(answer: Cells, { classOf, classes }: Drawing, period: string): LayerTable<Row> {
  const rows = answer.cells
    .map(([cell, count], index) => ({ cell, count, its: classOf[index] ?? -1 }))
    .toSorted((a, b) => b.count - a.count || (a.cell < b.cell ? -1 : 1))
    .map((row, index) => ({ ...row, place: index + 1 }));
  return {
    caption: (shown) =>
      `${plural(shown, "hexagon", "hexagons")} of ${formatCount(rows.length)}, each ≈${hexagonArea(answer.resolution)}, ${period}`,
    rows,
    keyOf: ({ cell }) => cell,
    initial: { id: "place", descending: false },
    columns: [
      { id: "place", title: "Rank", numeric: true, value: ({ place }) => place },
      {
        id: "cell",
        title: "Hexagon (H3)",
        value: ({ cell }) => cell,
        show: ({ cell }) => <code>{cell}</code>,
      },
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
        show: ({ count }) => formatShare(count, answer.mapped),
      },
      {
        id: "class",
        title: "Class on the map",
        numeric: true,
        value: ({ its }) => its + 1,
        show: ({ its }) => `${its + 1} of ${classes.length}`,
      },
    ],
  };
}
