/** Cells as binary polygons: one flat buffer of corners, one of triangles, one of colours, ready for the GPU. */
import { cellToBoundary, cellToLatLng } from "h3-js";
import type { Cell } from "../../api/types";
import { classOf, type CountClass } from "../../model/classes";
import { parseRgb, rampColours, type Theme } from "../../model/ramp";

/** The one hexagon is closed: its first corner comes again at the end. */
const CORNERS = 7;
const TRIANGLES = [0, 1, 2, 0, 2, 3, 0, 3, 4, 0, 4, 5];
/** Hexagons are drawn a little smaller than they are, so that neighbours of one class can be told apart. */
const INSET = 0.94;

export interface HexagonBuffers {
  readonly length: number;
  readonly startIndices: Uint32Array;
  readonly corners: Float64Array;
  readonly colours: Uint8Array;
  readonly indices: Uint32Array;
}

export function hexagonBuffers(
  cells: readonly Cell[],
  classes: readonly CountClass[],
  theme: Theme,
): HexagonBuffers {
  const palette = rampColours(theme, classes.length).map(parseRgb);
  const startIndices = new Uint32Array(cells.length + 1);
  const corners = new Float64Array(cells.length * CORNERS * 2);
  const colours = new Uint8Array(cells.length * CORNERS * 4);
  const indices = new Uint32Array(cells.length * TRIANGLES.length);
  cells.forEach(([cell, count], index) => {
    const first = index * CORNERS;
    startIndices[index + 1] = first + CORNERS;
    writeCorners(corners, first, cell);
    const [red, green, blue] = palette[classOf(classes, count)] ?? [0, 0, 0];
    for (let corner = first; corner < first + CORNERS; corner += 1) {
      colours.set([red, green, blue, count > 0 ? 255 : 0], corner * 4);
    }
    TRIANGLES.forEach((corner, at) => {
      indices[index * TRIANGLES.length + at] = first + corner;
    });
  });
  return { length: cells.length, startIndices, corners, colours, indices };
}

/** The exact outline, closed, as longitude and latitude. */
export function outline(cell: string): [number, number][] {
  const ring = cellToBoundary(cell, true).map(([lng, lat]): [number, number] => [lng, lat]);
  return ring;
}

function writeCorners(corners: Float64Array, first: number, cell: string): void {
  const [latitude, longitude] = cellToLatLng(cell);
  const ring = cellToBoundary(cell);
  for (let corner = 0; corner < CORNERS; corner += 1) {
    // Where an edge of the icosahedron crosses a cell it has more corners; they lie on straight edges, so six do.
    const [lat, lng] = ring[corner % Math.min(ring.length, 6)] ?? [latitude, longitude];
    corners[(first + corner) * 2] = longitude + (lng - longitude) * INSET;
    corners[(first + corner) * 2 + 1] = latitude + (lat - latitude) * INSET;
  }
}
