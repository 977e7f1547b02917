/** Areas coloured by their most unusual category. */
import type { AreaLayer, Peaks } from "../../api/types";
import { capital, formatCivil, formatCount, formatExpected, formatTest, titleCase } from "../format";
import { peakRows, windowName, windowSentence, type PeakRow } from "../peaks";
import { standing, standingIndex, STANDINGS } from "../unusual";
import type { WindowHours } from "../view";
import type { Drawing } from "./drawing";

const COLOURED = STANDINGS.flatMap(({ id, words, sign, colours }) =>
  colours === null ? [] : [{ id, label: words.replace(" its usual variation", ""), sign, colours }],
);

export function drawPeaks(answer: Peaks, layer: AreaLayer, only: WindowHours | null): Drawing {
  const best = mostUnusual(answer, only);
  const areas = new Map([...best].map(([code, { peak }]) => [code, standingIndex(peak.q)]));
  const coloured = [...areas].filter(([, index]) => index < COLOURED.length);
  const unranked = answer.windows.filter(({ hours }) => only === null || hours === only);
  return {
    layer: "peaks",
    cells: [],
    resolution: null,
    grid: null,
    classOf: new Int8Array(),
    areas: new Map(coloured),
    classes: COLOURED.map((each, at) => ({
      ...each,
      members: coloured.filter(([, index]) => index === at).length,
    })),
    unit: ["area", "areas"],
    rest: ["within", "not filled"],
    heading: `Beyond the usual variation, by ${layer.title.toLowerCase()}`,
    facts: [
      `Most unusual category in the last ${only === null ? "1, 6, 24 hours or 7 days" : windowName(only)} before ${answer.at === null ? "now" : formatCivil(answer.at)}.`,
      `By q, corrected for ${formatCount(answer.tests)} tests: far ≤ 0.001, beyond ≤ 0.05, somewhat ≤ 0.1.`,
    ],
    caution: unranked.flatMap((window) => windowSentence(window) ?? []).join(" ") || null,
    mapped: null,
    unmapped: null,
    tell: () => ({ title: "", lines: [] }),
    tellArea: (code) => {
      const row = best.get(code);
      if (row === undefined) return { title: "Within its usual variation", lines: [] };
      const { peak, hours } = row;
      return {
        title: capital(standing(peak.q).words),
        lines: [
          `${titleCase(peak.category)}: ${formatCount(peak.observed)} in ${windowName(hours)}, ${formatExpected(peak.expected)} expected`,
          formatTest("q", peak.q),
        ],
      };
    },
  };
}

/** Each area's first in the ranking. */
function mostUnusual(answer: Peaks, only: WindowHours | null): ReadonlyMap<string, PeakRow> {
  const best = new Map<string, PeakRow>();
  for (const row of peakRows(answer, only)) if (!best.has(row.peak.area)) best.set(row.peak.area, row);
  return best;
}
