/**
 * Hexagons as binary polygons, ready for the GPU: corners and triangles, which are kept while only colours change, and
 * one colour a corner.
 */
import { cellToBoundary, cellToLatLng } from "h3-js";
import type { Drawing } from "../../model/layers/drawing";
import { parseRgb, type Theme } from "../../model/ramp";

/** The one hexagon is closed: its first corner comes again at the end. */
const CORNERS = 7;
const TRIANGLES = [0, 1, 2, 0, 2, 3, 0, 3, 4, 0, 4, 5];
/** Hexagons are drawn a little smaller than they are, so that neighbours of one class can be told apart. */
const INSET = 0.94;

export interface HexagonGeometry {
  readonly resolution: number;
  /** Place of each cell in the buffers. */
  readonly places: ReadonlyMap<string, number>;
  readonly startIndices: Uint32Array;
  /** Objects rather than plain arrays: whoever uploads them sees by their identity that nothing has changed. */
  readonly corners: { readonly value: Float64Array; readonly size: 2 };
  readonly indices: { readonly value: Uint32Array; readonly size: 1 };
}

/**
 * The known geometry where it has all of the cells, else one of both: while data streams in, a new cell costs no more
 * than a copy of what is there.
 */
export function geometryFor(
  cells: readonly string[],
  resolution: number,
  known: HexagonGeometry | null,
): HexagonGeometry {
  const before = known?.resolution === resolution ? known : null;
  if (before !== null && cells.every((cell) => before.places.has(cell))) return before;
  const places = new Map(before?.places);
  const added = places.size;
  for (const cell of cells) if (!places.has(cell)) places.set(cell, places.size);
  const startIndices = new Uint32Array(places.size + 1);
  const corners = new Float64Array(places.size * CORNERS * 2);
  const indices = new Uint32Array(places.size * TRIANGLES.length);
  if (before !== null) {
    startIndices.set(before.startIndices);
    corners.set(before.corners.value);
    indices.set(before.indices.value);
  }
  for (const [cell, place] of places) {
    if (place < added) continue;
    const first = place * CORNERS;
    startIndices[place + 1] = first + CORNERS;
    writeCorners(corners, first, cell, INSET);
    TRIANGLES.forEach((corner, at) => {
      indices[place * TRIANGLES.length + at] = first + corner;
    });
  }
  return {
    resolution,
    places,
    startIndices,
    corners: { value: corners, size: 2 },
    indices: { value: indices, size: 1 },
  };
}

/** A colour for each corner; cells that the drawing does not have are transparent. */
export function coloursFor({ places }: HexagonGeometry, drawing: Drawing, theme: Theme): Uint8Array {
  const { cells, classOf, classes } = drawing;
  // Each colour as one word: four bytes in their order, whatever the machine's is.
  const palette = new Uint32Array(
    Uint8Array.from(classes.flatMap(({ colours }) => [...parseRgb(colours[theme]), 255])).buffer,
  );
  const colours = new Uint32Array(places.size * CORNERS);
  for (let index = 0; index < cells.length; index += 1) {
    const colour = palette[classOf[index] ?? -1];
    const place = places.get(cells[index] ?? "");
    if (colour === undefined || place === undefined) continue;
    colours.fill(colour, place * CORNERS, (place + 1) * CORNERS);
  }
  return new Uint8Array(colours.buffer);
}

/** From the outer edge of a ring to its inner one: two triangles for each side. */
const RING_INSET = 0.8;

export interface RingGeometry {
  readonly length: number;
  readonly startIndices: Uint32Array;
  readonly corners: { readonly value: Float64Array; readonly size: 2 };
  readonly indices: { readonly value: Uint32Array; readonly size: 1 };
}

/** Rings just inside the hexagons' edges, as triangles: lines with joints cost the GPU several times as much. */
export function ringsOf(cells: readonly string[]): RingGeometry {
  const startIndices = new Uint32Array(cells.length + 1);
  const corners = new Float64Array(cells.length * CORNERS * 4);
  const indices = new Uint32Array(cells.length * (CORNERS - 1) * 6);
  cells.forEach((cell, place) => {
    const outer = place * CORNERS * 2;
    const inner = outer + CORNERS;
    startIndices[place + 1] = outer + 2 * CORNERS;
    writeCorners(corners, outer, cell, 1);
    writeCorners(corners, inner, cell, RING_INSET);
    for (let side = 0; side < CORNERS - 1; side += 1) {
      const [a, b, c, d] = [outer + side, outer + side + 1, inner + side, inner + side + 1];
      indices.set([a, b, c, c, b, d], (place * (CORNERS - 1) + side) * 6);
    }
  });
  return {
    length: cells.length,
    startIndices,
    corners: { value: corners, size: 2 },
    indices: { value: indices, size: 1 },
  };
}

/** The exact outline, closed, as longitude and latitude. */
export function outline(cell: string): [number, number][] {
  const ring = cellToBoundary(cell, true).map(([lng, lat]): [number, number] => [lng, lat]);
  return ring;
}

function writeCorners(corners: Float64Array, first: number, cell: string, inset: number): void {
  const [latitude, longitude] = cellToLatLng(cell);
  const ring = cellToBoundary(cell);
  for (let corner = 0; corner < CORNERS; corner += 1) {
    // Where an edge of the icosahedron crosses a cell it has more corners; they lie on straight edges, so six do.
    const [lat, lng] = ring[corner % Math.min(ring.length, 6)] ?? [latitude, longitude];
    corners[(first + corner) * 2] = longitude + (lng - longitude) * inset;
    corners[(first + corner) * 2 + 1] = latitude + (lat - latitude) * inset;
  }
}
