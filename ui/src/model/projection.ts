/** Web Mercator on the unit square, as MapLibre draws it: for the first camera and for the map without WebGL. */
import type { Camera } from "./view";

const TILE_PX = 512;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function project(longitude: number, latitude: number): Point {
  const sine = Math.sin((latitude * Math.PI) / 180);
  return {
    x: (longitude + 180) / 360,
    y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI),
  };
}

export function unproject({ x, y }: Point): { longitude: number; latitude: number } {
  return {
    longitude: x * 360 - 180,
    latitude: (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI,
  };
}

/** Pixels that the unit square is wide at a zoom. */
export function worldSize(zoom: number): number {
  return TILE_PX * 2 ** zoom;
}

/** The camera that shows a bounding box (west, south, east, north) whole, with a margin around it. */
export function fitCamera(
  [west, south, east, north]: readonly [number, number, number, number],
  width_px: number,
  height_px: number,
  margin_px: number,
): Camera {
  const topLeft = project(west, north);
  const bottomRight = project(east, south);
  const scale = Math.min(
    Math.max(width_px - 2 * margin_px, 1) / (bottomRight.x - topLeft.x),
    Math.max(height_px - 2 * margin_px, 1) / (bottomRight.y - topLeft.y),
  );
  const centre = unproject({ x: (topLeft.x + bottomRight.x) / 2, y: (topLeft.y + bottomRight.y) / 2 });
  return { zoom: Math.min(Math.max(Math.log2(scale / TILE_PX), 0), 18), ...centre };
}

/** West, south, east, north of what a camera shows, rounded to about ten metres for a readable address. */
export function boundsOfCamera(
  camera: Camera,
  width_px: number,
  height_px: number,
): [number, number, number, number] {
  const size = worldSize(camera.zoom);
  const centre = project(camera.longitude, camera.latitude);
  const topLeft = unproject({ x: centre.x - width_px / 2 / size, y: centre.y - height_px / 2 / size });
  const bottomRight = unproject({ x: centre.x + width_px / 2 / size, y: centre.y + height_px / 2 / size });
  const round = (degrees: number) => Math.round(degrees * 1e4) / 1e4;
  return [
    round(topLeft.longitude),
    round(bottomRight.latitude),
    round(bottomRight.longitude),
    round(topLeft.latitude),
  ];
}
