import type { HotspotCell, Hotspots } from "../../../api/types";
import { capital, formatCount, formatProbability, formatScore, plural } from "../../../model/format";
import { hotspotLabel } from "../../../model/layers/hotspots";
import { hexagonArea } from "../../../model/resolution";
import type { LayerTable } from "../CellTable";

export function hotspotTable(answer: Hotspots, period: string): LayerTable<HotspotCell> {
  return {
    caption: (shown) =>
      `${plural(shown, "hexagon", "hexagons")} of ${formatCount(answer.n)} in the study area, each ≈${hexagonArea(answer.resolution)}, ${period}`,
    rows: answer.cells,
    keyOf: ({ cell }) => cell,
    initial: { id: "z", descending: true },
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
        show: (cell) => capital(hotspotLabel(cell.class)),
      },
      {
        id: "z",
        title: "z (Gi*)",
        numeric: true,
        value: ({ z }) => z,
        show: ({ z }) => (z === null ? null : formatScore(z)),
      },
      {
        id: "q",
        title: "q",
        numeric: true,
        value: ({ q }) => q,
        show: ({ q }) => (q === null ? null : formatProbability(q)),
      },
      {
        id: "count",
        title: "Incidents",
        numeric: true,
        value: ({ count }) => count,
        show: ({ count }) => formatCount(count),
      },
      {
        id: "neighborhood",
        title: "With neighbours",
        numeric: true,
        value: ({ neighborhood }) => neighborhood,
        show: ({ neighborhood }) => formatCount(neighborhood),
      },
    ],
  };
}
