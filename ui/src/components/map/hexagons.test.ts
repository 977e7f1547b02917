import { cellToLatLng, latLngToCell } from "h3-js";
import { expect, test } from "vitest";
import { drawCount } from "../../model/layers/count";
import { coloursFor, geometryFor, ringsOf } from "./hexagons";

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

test("a ring has an outer and an inner hexagon, and two triangles for each side between them", () => {
  const { length, startIndices, corners, indices } = ringsOf([A, B]);
  expect(length).toBe(2);
  expect([...startIndices]).toEqual([0, 14, 28]);
  expect(indices.value).toHaveLength(2 * 6 * 6);
  expect(Math.max(...indices.value)).toBeLessThan(28);
  const distance = (corner: number) => {
    const [lat, lng] = [corners.value[corner * 2 + 1] ?? 0, corners.value[corner * 2] ?? 0];
    const [midLat, midLng] = cellToLatLng(A);
    return Math.hypot(lat - midLat, lng - midLng);
  };
  expect(distance(7) / distance(0)).toBeCloseTo(0.8, 5);
});
