/** Incidents by hexagon. */
import type { Cells } from "../../api/types";
import { classify, classOf } from "../classes";
import { formatCount, plural } from "../format";
import { rampColours } from "../ramp";
import { hexagonArea } from "../resolution";
import { NOT_OF_AREAS, type Drawing } from "./drawing";

export function drawCount(answer: Cells): Drawing {
  const { cells, resolution, mapped, unmapped } = answer;
  const counted = classify(cells);
  const [light, dark] = [rampColours("light", counted.length), rampColours("dark", counted.length)];
  const classes = counted.map(({ from, to, cells: members }, index) => ({
    id: String(from),
    label: from === to ? formatCount(from) : `${formatCount(from)}–${formatCount(to)}`,
    colours: { light: light[index] ?? "#888888", dark: dark[index] ?? "#888888" },
    sign: "",
    members,
  }));
  const indices = Int8Array.from(cells, ([, count]) => classOf(counted, count));
  return {
    layer: "count",
    cells: cells.map(([cell]) => cell),
    resolution,
    grid: null,
    classOf: indices,
    areas: null,
    classes,
    unit: ["hexagon", "hexagons"],
    rest: ["0", "not filled"],
    heading: `Incidents per hexagon of ≈${hexagonArea(resolution)}`,
    facts: [],
    caution: null,
    mapped,
    unmapped,
    tell: (index) => {
      const count = cells[index]?.[1] ?? 0;
      const its = indices[index] ?? -1;
      const of = its < 0 ? [] : [`class ${its + 1} of ${classes.length}: ${classes[its]?.label ?? ""}`];
      return { title: plural(count, "incident", "incidents"), lines: of };
    },
    tellArea: NOT_OF_AREAS,
  };
}
