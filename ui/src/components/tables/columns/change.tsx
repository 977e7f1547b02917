import type { Change, ChangedCell } from "../../../api/types";
import { capital, formatCount, formatProbability, plural } from "../../../model/format";
import { changeLabel, formatDifference } from "../../../model/layers/change";
import { hexagonArea } from "../../../model/resolution";
import type { LayerTable } from "../CellTable";

export function changeTable(answer: Change, period: string): LayerTable<ChangedCell> {
  return {
    caption: (shown) =>
      `${plural(shown, "hexagon", "hexagons")} of ${formatCount(answer.cells.length)} with incidents in either period, each ≈${hexagonArea(answer.resolution)}, ${period}`,
    rows: answer.cells,
    keyOf: ({ cell }) => cell,
    initial: { id: "q", descending: false },
    columns: [
      {
        id: "cell",
        title: "Hexagon (H3)",
        value: ({ cell }) => cell,
        show: ({ cell }) => <code>{cell}</code>,
      },
      {
        id: "class",
        title: "Class on the map",
        value: (cell) => cell.class,
        show: (cell) => capital(changeLabel(cell.class)),
      },
      {
        id: "count",
        title: "Incidents",
        numeric: true,
        value: ({ count }) => count,
        show: ({ count }) => formatCount(count),
      },
      {
        id: "before",
        title: "Before",
        numeric: true,
        value: ({ before }) => before,
        show: ({ before }) => formatCount(before),
      },
      {
        id: "difference",
        title: "Difference",
        numeric: true,
        value: ({ difference }) => difference,
        show: ({ difference }) => formatDifference(difference),
      },
      {
        id: "q",
        title: "q",
        numeric: true,
        value: ({ q }) => q,
        show: ({ q }) => formatProbability(q),
      },
    ],
  };
}
