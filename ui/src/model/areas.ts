/** Geometry of the area layers' outlines: which area a point lies in, how large it is, where its name goes. */
import type { Boundaries, Outlines } from "../api/types";

export interface AreaShape {
  readonly code: string;
  readonly name: string;
  readonly area_km2: number;
  /** Longitude and latitude of the largest part's centroid. */
  readonly label: readonly [number, number];
  /** West, south, east, north: a cheap test before the exact one. */
  readonly bounds: readonly [number, number, number, number];
  readonly polygons: readonly GeoJSON.Position[][][];
}

const EARTH_RADIUS_KM = 6371.0088;

/** The areas of which there is something to draw. */
export function outlinesOf({ features }: Boundaries): Outlines {
  return {
    type: "FeatureCollection",
    features: features.flatMap(({ geometry, properties }) =>
      geometry?.type === "Polygon" || geometry?.type === "MultiPolygon"
        ? [{ type: "Feature", properties, geometry }]
        : [],
    ),
  };
}

export function areaShapes(outlines: Outlines): AreaShape[] {
  return outlines.features.map(({ geometry, properties }) => {
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    const outer = polygons.flatMap((polygon) => polygon.slice(0, 1));
    const largest = outer.toSorted((a, b) => ringArea_km2(b) - ringArea_km2(a))[0] ?? [];
    return {
      code: properties.code,
      name: properties.name,
      area_km2: polygons.reduce((sum, polygon) => sum + polygonArea_km2(polygon), 0),
      label: centroid(largest),
      bounds: boundsOf(outer.flat()),
      polygons,
    };
  });
}

export function areaAt(shapes: readonly AreaShape[], longitude: number, latitude: number): AreaShape | null {
  return shapes.find((shape) => contains(shape, longitude, latitude)) ?? null;
}

/** The box around all shapes; null when there are none. */
export function boundsOfShapes(
  shapes: readonly AreaShape[],
): readonly [number, number, number, number] | null {
  if (shapes.length === 0) return null;
  return boundsOf(
    shapes.flatMap(({ bounds: [west, south, east, north] }) => [
      [west, south],
      [east, north],
    ]),
  );
}

function contains(shape: AreaShape, longitude: number, latitude: number): boolean {
  const [west, south, east, north] = shape.bounds;
  if (longitude < west || longitude > east || latitude < south || latitude > north) return false;
  // Even-odd over all rings: holes fall out by themselves.
  let inside = false;
  for (const ring of shape.polygons.flat()) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [x1 = 0, y1 = 0] = ring[i] ?? [];
      const [x2 = 0, y2 = 0] = ring[j] ?? [];
      const crosses = y1 > latitude !== y2 > latitude;
      if (crosses && longitude < ((x2 - x1) * (latitude - y1)) / (y2 - y1) + x1) inside = !inside;
    }
  }
  return inside;
}

function polygonArea_km2(polygon: readonly GeoJSON.Position[][]): number {
  return polygon.reduce((sum, ring, index) => sum + (index === 0 ? 1 : -1) * ringArea_km2(ring), 0);
}

/** Spherical area of a ring (Chamberlain and Duquette, "Some algorithms for polygons on a sphere", 2007). */
function ringArea_km2(ring: readonly GeoJSON.Position[]): number {
  const radians = Math.PI / 180;
  let sum = 0;
  for (let i = 0; i < ring.length; i += 1) {
    const [x1 = 0, y1 = 0] = ring[i] ?? [];
    const [x2 = 0, y2 = 0] = ring[(i + 1) % ring.length] ?? [];
    sum += (x2 - x1) * radians * (2 + Math.sin(y1 * radians) + Math.sin(y2 * radians));
  }
  return Math.abs((sum * EARTH_RADIUS_KM ** 2) / 2);
}

function centroid(ring: readonly GeoJSON.Position[]): readonly [number, number] {
  const [x0 = 0, y0 = 0] = ring[0] ?? [];
  let twice = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i + 1 < ring.length; i += 1) {
    // Relative to the first corner: degrees are large beside a city, and the products would lose their digits.
    const [ax, ay] = [(ring[i]?.[0] ?? 0) - x0, (ring[i]?.[1] ?? 0) - y0];
    const [bx, by] = [(ring[i + 1]?.[0] ?? 0) - x0, (ring[i + 1]?.[1] ?? 0) - y0];
    const cross = ax * by - bx * ay;
    twice += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  }
  return twice === 0 ? [x0, y0] : [x0 + x / (3 * twice), y0 + y / (3 * twice)];
}

function boundsOf(positions: readonly GeoJSON.Position[]): readonly [number, number, number, number] {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x = 0, y = 0] of positions) {
    west = Math.min(west, x);
    south = Math.min(south, y);
    east = Math.max(east, x);
    north = Math.max(north, y);
  }
  return [west, south, east, north];
}
