import type { Emerging, EmergingCell } from "../../../api/types";
import { capital, formatCount, formatProbability, formatScore, plural } from "../../../model/format";
import { patternLabel, PATTERNS } from "../../../model/layers/emerging";
import { hexagonArea } from "../../../model/resolution";
import type { LayerTable } from "../CellTable";

export function emergingTable(answer: Emerging, period: string): LayerTable<EmergingCell> {
  return {
    caption: (shown) =>
      `${plural(shown, "hexagon", "hexagons")} of ${formatCount(answer.n)} in the study area, each ≈${hexagonArea(answer.resolution)}, ${period}, ${plural(answer.steps.length, answer.step, `${answer.step}s`)}`,
    rows: answer.cells,
    keyOf: ({ cell }) => cell,
    initial: { id: "pattern", descending: false },
    columns: [
      {
        id: "cell",
        title: "Hexagon (H3)",
        value: ({ cell }) => cell,
        show: ({ cell }) => <code>{cell}</code>,
      },
      {
        id: "pattern",
        title: "Pattern",
        // In the order of the legend.
        value: ({ pattern }) => (pattern === null ? null : PATTERNS.indexOf(pattern)),
        show: ({ pattern }) => capital(patternLabel(pattern)),
      },
      { id: "hot", title: "Steps hot", numeric: true, value: ({ hot_steps }) => hot_steps },
      { id: "cold", title: "Steps cold", numeric: true, value: ({ cold_steps }) => cold_steps },
      { id: "steps", title: "Steps", numeric: true, value: ({ steps }) => steps },
      {
        id: "z",
        title: "z, last step",
        numeric: true,
        value: ({ z }) => z,
        show: ({ z }) => (z === null ? null : formatScore(z)),
      },
      {
        id: "trend",
        title: "Trend (z)",
        numeric: true,
        value: ({ trend_z }) => trend_z,
        show: ({ trend_z }) => (trend_z === null ? null : formatScore(trend_z)),
      },
      {
        id: "trend_p",
        title: "Trend (p)",
        numeric: true,
        value: ({ trend_p }) => trend_p,
        show: ({ trend_p }) => (trend_p === null ? null : formatProbability(trend_p)),
      },
      {
        id: "count",
        title: "Incidents",
        numeric: true,
        value: ({ count }) => count,
        show: ({ count }) => formatCount(count),
      },
    ],
  };
}
