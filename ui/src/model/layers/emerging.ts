/** Emerging hot and cold spots: how Gi* of each hexagon changed over the steps. */
import type { Emerging, EmergingPattern } from "../../api/types";
import { capital, formatCivil, formatCount, formatTest, formatScore, plural } from "../format";
import { hexagonArea } from "../resolution";
import { countMembers, NOT_OF_AREAS, type Drawing, type LayerClass } from "./drawing";

type Kind =
  | "new"
  | "consecutive"
  | "intensifying"
  | "persistent"
  | "diminishing"
  | "sporadic"
  | "oscillating"
  | "historical";

/** Letter, colours of hot and cold, and what it means: the letter tells apart what the shades cannot. */
const KINDS: Readonly<Record<Kind, readonly [sign: string, hot: string, cold: string, means: string]>> = {
  new: ["N", "#ff5a36", "#58b4f0", "only at the last step"],
  consecutive: ["C", "#f08a5d", "#8ec5ea", "at the last steps in a row, never before"],
  intensifying: ["I", "#9e1316", "#1d3f85", "nearly always, and z moves further away"],
  persistent: ["P", "#d62f27", "#4575b5", "nearly always, without a trend"],
  diminishing: ["D", "#e8837c", "#7f9fcb", "nearly always, and z moves back"],
  sporadic: ["S", "#fab984", "#a8c3d6", "on and off"],
  oscillating: ["O", "#e3a3b7", "#b3b4dd", "now, and the opposite before"],
  historical: ["H", "#c9a08c", "#a3adb8", "nearly always, but not at the last step"],
};

const NONE: EmergingPattern = "not_detected";

/** The hot ones first. */
export const PATTERNS: readonly EmergingPattern[] = [
  ...(Object.keys(KINDS) as Kind[]).map((kind) => `${kind}_hot` as const),
  ...(Object.keys(KINDS) as Kind[]).map((kind) => `${kind}_cold` as const),
  NONE,
];

export function patternLabel(pattern: EmergingPattern | null): string {
  if (pattern === null) return "too few steps";
  if (pattern === NONE) return "no pattern";
  const [kind, side] = pattern.split("_");
  return `${kind ?? ""} ${side ?? ""} spot`;
}

/** A month by its name: the first day of the last one would be read as the end. */
function stepName(step: Emerging["step"], start = ""): string {
  return step === "month" ? formatCivil(start).replace(/^1 /, "") : formatCivil(start);
}

export function drawEmerging(answer: Emerging): Drawing {
  const { cells, resolution, n, confidence, step, steps, caution, mapped, unmapped } = answer;
  const found = PATTERNS.filter((pattern) => (answer.patterns[pattern] ?? 0) > 0);
  const classOf = Int8Array.from(cells, ({ pattern }) => (pattern === null ? -1 : found.indexOf(pattern)));
  const members = countMembers(classOf, found.length);
  const [first, last] = [steps[0], steps.at(-1)];
  return {
    layer: "emerging",
    cells: cells.map(({ cell }) => cell),
    resolution,
    grid: null,
    classOf,
    areas: null,
    classes: found.map((pattern, index) => ({ ...styleOf(pattern), members: members[index] ?? 0 })),
    unit: ["hexagon", "hexagons"],
    rest: null,
    heading: `Emerging hot and cold spots, hexagons of ≈${hexagonArea(resolution)}`,
    facts: [
      `${plural(steps.length, step, `${step}s`)}, ${stepName(step, first)} to ${stepName(step, last)}: Gi* of each, and Mann and Kendall's trend of z.`,
      `${formatCount(mapped)} incidents in n = ${formatCount(n)} hexagons; hot, cold and trend at ${confidence} % confidence.`,
    ],
    caution,
    mapped,
    unmapped,
    tell: (index) => {
      const cell = cells[index];
      if (cell === undefined) return { title: "Outside the study area", lines: [] };
      const means = cell.pattern === null ? null : meaningOf(cell.pattern);
      return {
        title: capital(patternLabel(cell.pattern)),
        lines: [
          ...(means === null ? [] : [means]),
          `hot at ${formatCount(cell.hot_steps)}, cold at ${formatCount(cell.cold_steps)} of ${plural(cell.steps, step, `${step}s`)}`,
          ...(cell.z === null || cell.q === null
            ? []
            : [`last ${step}: z = ${formatScore(cell.z)}, ${formatTest("q", cell.q)}`]),
          plural(cell.count, "incident", "incidents"),
        ],
      };
    },
    tellArea: NOT_OF_AREAS,
  };
}

function kindOf(pattern: EmergingPattern): Kind | null {
  const kind = pattern.split("_")[0];
  return kind !== undefined && kind in KINDS ? (kind as Kind) : null;
}

function meaningOf(pattern: EmergingPattern): string | null {
  const kind = kindOf(pattern);
  if (kind === null) return null;
  return `${pattern.endsWith("_hot") ? "hot" : "cold"} ${KINDS[kind][3]}`;
}

function styleOf(pattern: EmergingPattern): Omit<LayerClass, "members"> {
  const kind = kindOf(pattern);
  const label = patternLabel(pattern);
  if (kind === null) {
    return { id: pattern, label, colours: { light: "#e9e6dc", dark: "#33383b" }, sign: "" };
  }
  const [sign, hot, cold] = KINDS[kind];
  const colour = pattern.endsWith("_hot") ? hot : cold;
  // Cold ones in lower case: the letters alone say which side.
  const letter = pattern.endsWith("_hot") ? sign : sign.toLowerCase();
  return { id: pattern, label, colours: { light: colour, dark: colour }, sign: letter };
}
