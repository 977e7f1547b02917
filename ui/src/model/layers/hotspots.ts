/** Hot and cold spots: Getis-Ord Gi*, classes by q. */
import type { Hotspots, HotspotClass } from "../../api/types";
import { capital, formatCount, formatTest, formatScore, plural } from "../format";
import { hexagonArea } from "../resolution";
import { countMembers, NOT_OF_AREAS, type Drawing, type LayerClass } from "./drawing";

type Style = Omit<LayerClass, "id" | "members">;

/** The light ground lets the middle class be pale yellow; on a dark one it would outshine the hot ones. */
const same = (colour: string) => ({ light: colour, dark: colour });

const STYLES: Readonly<Record<HotspotClass, Style>> = {
  hot_99: { label: "hot, 99 % confidence", colours: same("#d62f27"), sign: "▲" },
  hot_95: { label: "hot, 95 %", colours: same("#ed7551"), sign: "△" },
  hot_90: { label: "hot, 90 %", colours: same("#fab984"), sign: "+" },
  not_significant: { label: "not significant", colours: { light: "#ffffbf", dark: "#3d3f33" }, sign: "" },
  cold_90: { label: "cold, 90 %", colours: same("#c0ccbe"), sign: "−" },
  cold_95: { label: "cold, 95 %", colours: same("#849eba"), sign: "▽" },
  cold_99: { label: "cold, 99 % confidence", colours: same("#4575b5"), sign: "▼" },
};

export const HOTSPOT_CLASSES = Object.keys(STYLES) as HotspotClass[];

export function hotspotLabel(of: HotspotClass): string {
  return STYLES[of].label;
}

export function drawHotspots(answer: Hotspots): Drawing {
  const { cells, resolution, n, confidence, critical_z, caution, mapped, unmapped } = answer;
  const classOf = Int8Array.from(cells, (cell) => HOTSPOT_CLASSES.indexOf(cell.class));
  const members = countMembers(classOf, HOTSPOT_CLASSES.length);
  const classes = HOTSPOT_CLASSES.map((id, index) => ({ id, ...STYLES[id], members: members[index] ?? 0 }));
  return {
    layer: "hotspots",
    cells: cells.map(({ cell }) => cell),
    resolution,
    grid: null,
    classOf,
    areas: null,
    classes,
    unit: ["hexagon", "hexagons"],
    rest: null,
    heading: `Hot and cold spots (Gi*), hexagons of ≈${hexagonArea(resolution)}`,
    facts: [
      `${formatCount(mapped)} incidents in n = ${formatCount(n)} hexagons; each is compared together with its neighbours.`,
      critical_z === null
        ? `No hexagon is significant at ${confidence} % after correction for all tests (FDR).`
        : `Significant at ${confidence} % from |z| ≥ ${critical_z.toFixed(2)}, corrected for all tests (FDR).`,
    ],
    caution,
    mapped,
    unmapped,
    tell: (index) => {
      const cell = cells[index];
      if (cell === undefined) return { title: "Outside the study area", lines: [] };
      const scores =
        cell.z === null || cell.q === null
          ? "z is undefined here"
          : `z = ${formatScore(cell.z)}, ${formatTest("q", cell.q)}`;
      return {
        title: capital(STYLES[cell.class].label),
        lines: [
          scores,
          `${plural(cell.count, "incident", "incidents")}; ${formatCount(cell.neighborhood)} with its ${plural(cell.neighbors, "neighbour", "neighbours")}`,
        ],
      };
    },
    tellArea: NOT_OF_AREAS,
  };
}
