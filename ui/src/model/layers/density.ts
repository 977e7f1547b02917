/** Kernel density on a grid over the city: incidents per km², whatever the zoom. */
import type { Density } from "../../api/types";
import { capital, formatCount } from "../format";
import { countMembers, NOT_OF_AREAS, type Drawing, type Grid, type LayerClass } from "./drawing";

/** Share of the cells above zero below each break. */
const SHARES = [0.3, 0.55, 0.75, 0.88, 0.96, 0.99];

/** A ramp of its own, so that nobody reads a density as a count: from pale green-blue to deep blue. */
const COLOURS = {
  light: ["#d5eee4", "#a5dcd3", "#6bc1c4", "#3a9db3", "#1f759c", "#1b4f80", "#172a55"],
  dark: ["#16323f", "#17485a", "#176579", "#208a94", "#43b3a6", "#8bd6b6", "#dcf5d6"],
} as const;

export function drawDensity(answer: Density): Drawing {
  const { values, grid, bandwidth_m, unit, years, greatest, mapped, unmapped } = answer;
  const starts = breaks(values);
  const classOf = Int8Array.from(values, (value) => classAt(starts, value));
  const members = countMembers(classOf, starts.length);
  return {
    layer: "density",
    cells: [],
    resolution: null,
    grid: { width: grid.width, height: grid.height, corners: cornersOf(grid.corners), values },
    classOf,
    areas: null,
    classes: starts.map((_, index) => classFor(starts, index, greatest, members[index] ?? 0)),
    unit: ["grid cell", "grid cells"],
    rest: ["0", "not filled"],
    heading: capital(unit),
    facts: [
      `Quartic kernel, bandwidth ${formatCount(bandwidth_m)} m, grid of ${formatCount(grid.cell_m)} m, n = ${formatCount(mapped)} incidents${years === null ? "" : ` in ${formatYears(years)}`}.`,
      "A colour means the same density at every zoom.",
    ],
    caution: null,
    mapped,
    unmapped,
    tell: (index) => ({
      title: `${formatDensity(values[index] ?? 0)} ${unit}`,
      lines: [`within ${formatCount(bandwidth_m)} m`],
    }),
    tellArea: NOT_OF_AREAS,
  };
}

/** Where a place lies in the grid, as the picture of it is stretched between its corners; −1 outside. */
export function gridIndexAt(grid: Grid, longitude: number, latitude: number): number {
  const [sw, se, ne, nw] = grid.corners;
  if (sw === undefined || se === undefined || ne === undefined || nw === undefined) return -1;
  let [u, v] = [0.5, 0.5];
  // Inverse of the bilinear map, by a few steps that each correct for the sides not being parallel.
  for (let step = 0; step < 4; step += 1) {
    v = (latitude - mix(sw[1], se[1], u)) / (mix(nw[1], ne[1], u) - mix(sw[1], se[1], u));
    u = (longitude - mix(sw[0], nw[0], v)) / (mix(se[0], ne[0], v) - mix(sw[0], nw[0], v));
  }
  const [column, row] = [Math.floor(u * grid.width), Math.floor(v * grid.height)];
  if (column < 0 || row < 0 || column >= grid.width || row >= grid.height) return -1;
  return row * grid.width + column;
}

/** Longitude and latitude of a grid cell's centre. */
export function gridCentre(grid: Grid, index: number): readonly [number, number] {
  const [sw = [0, 0], se = [0, 0], ne = [0, 0], nw = [0, 0]] = grid.corners;
  const u = ((index % grid.width) + 0.5) / grid.width;
  const v = (Math.floor(index / grid.width) + 0.5) / grid.height;
  return [
    mix(mix(sw[0], se[0], u), mix(nw[0], ne[0], u), v),
    mix(mix(sw[1], se[1], u), mix(nw[1], ne[1], u), v),
  ];
}

export function formatDensity(value: number): string {
  if (value >= 10) return formatCount(value);
  return value === 0 ? "0" : value >= 0.1 ? value.toFixed(1) : "under 0.1";
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** The least density of each class, ascending; the first is anything above zero. */
export function breaks(values: readonly number[]): number[] {
  const sorted = Float64Array.from(values.filter((value) => value > 0)).sort();
  if (sorted.length === 0) return [];
  const starts = [0];
  for (const share of SHARES) {
    const start = rounded(sorted[Math.floor(share * sorted.length)] ?? 0);
    if (start > (starts.at(-1) ?? 0) && start <= (sorted.at(-1) ?? 0)) starts.push(start);
  }
  return starts;
}

function classAt(starts: readonly number[], value: number): number {
  if (value <= 0) return -1;
  let index = 0;
  while (index + 1 < starts.length && value >= (starts[index + 1] ?? Infinity)) index += 1;
  return index;
}

/** Up to a number that people count in. */
function rounded(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((each) => each * magnitude >= value) ?? 10;
  return Number((step * magnitude).toPrecision(2));
}

function classFor(starts: readonly number[], index: number, greatest: number, members: number): LayerClass {
  const from = starts[index] ?? 0;
  const next = starts[index + 1];
  const label =
    next === undefined
      ? `${formatDensity(from)} to ${formatDensity(greatest)}`
      : index === 0
        ? `under ${formatDensity(next)}`
        : `${formatDensity(from)} to ${formatDensity(next)}`;
  const at = starts.length <= 1 ? 3 : Math.round((index * (COLOURS.light.length - 1)) / (starts.length - 1));
  const colours = { light: COLOURS.light[at] ?? "#888888", dark: COLOURS.dark[at] ?? "#888888" };
  return { id: String(from), label, colours, sign: "", members };
}

/** The generator of the types takes a list of fixed length for one whose members may be missing. */
function cornersOf(corners: Density["grid"]["corners"]): Grid["corners"] {
  return corners as unknown as Grid["corners"];
}

function formatYears(years: number): string {
  const text = years >= 10 ? years.toFixed(0) : years.toFixed(2).replace(/\.?0+$/, "");
  return `${text} ${text === "1" ? "year" : "years"}`;
}
