/** Change: hexagons with more or fewer incidents than in another period. */
import type { Change } from "../../api/types";
import { civilMs, civilText } from "../civil";
import { capital, formatCount, formatPeriod, formatTest, plural } from "../format";
import { NO_FILTER } from "../filter";
import { hexagonArea } from "../resolution";
import { countMembers, NOT_OF_AREAS, type Drawing, type LayerClass } from "./drawing";

const CLASSES: readonly Omit<LayerClass, "members">[] = [
  { id: "more", label: "more than before", colours: { light: "#d95f0e", dark: "#f0984a" }, sign: "▲" },
  { id: "same", label: "no significant change", colours: { light: "#efece2", dark: "#33383b" }, sign: "" },
  { id: "fewer", label: "fewer than before", colours: { light: "#4575b5", dark: "#6d9fd6" }, sign: "▼" },
];

export function changeLabel(id: string): string {
  return CLASSES.find((each) => each.id === id)?.label ?? id;
}

export function drawChange(answer: Change): Drawing {
  const { cells, resolution, n, tests, confidence, mapped, unmapped, before_mapped, before_unmapped } =
    answer;
  const classOf = Int8Array.from(cells, (cell) => CLASSES.findIndex(({ id }) => id === cell.class));
  const members = countMembers(classOf, CLASSES.length);
  const lengths = Math.abs(answer.days - answer.before_days) < 0.1 ? "" : ", of another length";
  return {
    layer: "change",
    cells: cells.map(({ cell }) => cell),
    resolution,
    grid: null,
    classOf,
    areas: null,
    classes: CLASSES.map((each, index) => ({ ...each, members: members[index] ?? 0 })),
    unit: ["hexagon", "hexagons"],
    rest: ["none in either", "not filled"],
    heading: `Change between two periods, hexagons of ≈${hexagonArea(resolution)}`,
    facts: [
      `${formatCount(mapped)} incidents, ${formatCount(before_mapped)} before (${periodOf(answer.before_from, answer.before_to)}${lengths}).`,
      `Exact test of two Poisson counts in ${formatCount(tests)} of n = ${formatCount(n)} hexagons; ${confidence} % confidence, corrected for all tests (FDR).`,
      ...(before_unmapped === 0 ? [] : [`Not on the map before: ${formatCount(before_unmapped)}.`]),
    ],
    caution: null,
    mapped,
    unmapped,
    tell: (index) => {
      const cell = cells[index];
      if (cell === undefined) return { title: "No incident in either period", lines: [] };
      return {
        title: capital(changeLabel(cell.class)),
        lines: [
          `${plural(cell.count, "incident", "incidents")}, ${formatCount(cell.before)} before: ${formatDifference(cell.difference)}`,
          formatTest("q", cell.q),
        ],
      };
    },
    tellArea: NOT_OF_AREAS,
  };
}

export function formatDifference(difference: number): string {
  if (difference === 0) return "0";
  return `${difference < 0 ? "−" : "+"}${formatCount(Math.abs(difference))}`;
}

function periodOf(from: string, to: string): string {
  const civil = (instant: string) => civilText(civilMs(instant));
  return formatPeriod({ ...NO_FILTER, from: civil(from), to: civil(to) }, null, null);
}
