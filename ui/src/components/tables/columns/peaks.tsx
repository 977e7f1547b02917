import type { AreaLayer, Peaks } from "../../../api/types";
import {
  areaName,
  capital,
  formatCount,
  formatExpected,
  formatProbability,
  titleCase,
} from "../../../model/format";
import { peakRows, windowName, type PeakRow } from "../../../model/peaks";
import { standing } from "../../../model/unusual";
import type { WindowHours } from "../../../model/view";
import type { LayerTable } from "../CellTable";

export function peakTable(answer: Peaks, layer: AreaLayer, window: WindowHours | null): LayerTable<PeakRow> {
  const rows = peakRows(answer, window);
  return {
    caption: (shown) => `The ${formatCount(shown)} most unusual of ${formatCount(rows.length)}, by q`,
    rows,
    keyOf: ({ key }) => key,
    initial: { id: "q", descending: false },
    columns: [
      { id: "area", title: layer.title, value: ({ peak }) => areaName([layer], layer.name, peak.area) },
      { id: "category", title: "Category", value: ({ peak }) => titleCase(peak.category) },
      {
        id: "hours",
        title: "Window",
        numeric: true,
        value: ({ hours }) => hours,
        show: ({ hours }) => windowName(hours),
      },
      {
        id: "observed",
        title: "Observed",
        numeric: true,
        value: ({ peak }) => peak.observed,
        show: ({ peak }) => formatCount(peak.observed),
      },
      {
        id: "expected",
        title: "Expected",
        numeric: true,
        value: ({ peak }) => peak.expected,
        show: ({ peak }) => formatExpected(peak.expected),
      },
      {
        id: "q",
        title: "q",
        numeric: true,
        value: ({ peak }) => peak.q,
        show: ({ peak }) => formatProbability(peak.q),
      },
      {
        id: "standing",
        title: "Class on the map",
        value: ({ peak }) => peak.q,
        show: ({ peak }) => capital(standing(peak.q).words),
      },
    ],
  };
}
