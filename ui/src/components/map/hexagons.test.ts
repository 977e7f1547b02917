import { latLngToCell } from "h3-js";
import { expect, test } from "vitest";
import { drawCount } from "../../model/layers/count";
import { coloursFor, geometryFor } from "./hexagons";

const [A, B, C] = [41.88, 41.9, 41.92].map((latitude) => latLngToCell(latitude, -87.63, 9)) as [
  string,
  string,
  string,
];

test("geometry is kept while only colours change", () => {
  const all = geometryFor([A, B], 9, null);
  expect(geometryFor([B], 9, all)).toBe(all);
  expect(geometryFor([A, B], 8, all)).not.toBe(all);
  const grown = geometryFor([B, C], 9, all);
  expect([...grown.places.keys()]).toEqual([A, B, C]);
  expect(grown.startIndices.at(-1)).toBe(21);
});

test("a cell that is not drawn is transparent", () => {
  const geometry = geometryFor([A, B], 9, null);
  const drawing = drawCount({ resolution: 9, mapped: 3, unmapped: 0, next_offsets: {}, cells: [[B, 3]] });
  const colours = coloursFor(geometry, drawing, "light");
  expect([...colours.slice(0, 4)]).toEqual([0, 0, 0, 0]);
  expect(colours[7 * 4 + 3]).toBe(255);
});
