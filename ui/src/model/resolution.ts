/** Which H3 resolution suits a zoom, and how large its hexagons are. */
import { COARSEST_RESOLUTION, FINEST_RESOLUTION } from "./view";

/** Narrower than this on the screen, a hexagon can neither be told from its neighbour nor hit with a finger. */
const SMALLEST_WIDTH_PX = 9;

/** A sign needs so much room. */
const SIGN_WIDTH_PX = 11;
const MIDDLE_LATITUDE = 40;

/** Metres a pixel at zoom 0 on the equator, for tiles of 512 pixels as MapLibre counts zoom. */
const METRES_PER_PIXEL = 78_271.517;

/** H3's published averages over the globe. */
const HEXAGONS: Readonly<Record<number, { readonly area_km2: number; readonly edge_m: number }>> = {
  7: { area_km2: 5.161, edge_m: 1406 },
  8: { area_km2: 0.737, edge_m: 531 },
  9: { area_km2: 0.105, edge_m: 201 },
  10: { area_km2: 0.015, edge_m: 76 },
  11: { area_km2: 0.00215, edge_m: 29 },
};

/** The finest resolution whose hexagons are still wide enough to be seen. */
export function resolutionForZoom(zoom: number, latitude: number): number {
  const metresPerPixel = (METRES_PER_PIXEL * Math.cos((latitude * Math.PI) / 180)) / 2 ** zoom;
  for (let resolution = FINEST_RESOLUTION; resolution > COARSEST_RESOLUTION; resolution -= 1) {
    const width_m = (HEXAGONS[resolution]?.edge_m ?? 0) * Math.sqrt(3);
    if (width_m / metresPerPixel >= SMALLEST_WIDTH_PX) return resolution;
  }
  return COARSEST_RESOLUTION;
}

/** The zoom, counted as MapLibre does, from which a hexagon of a city's latitude is wide enough for a sign. */
export function hexagonZoom(resolution: number): number {
  const width_m = (HEXAGONS[resolution]?.edge_m ?? 0) * Math.sqrt(3);
  return Math.log2(
    (SIGN_WIDTH_PX * METRES_PER_PIXEL * Math.cos((MIDDLE_LATITUDE * Math.PI) / 180)) / width_m,
  );
}

/** "0.105 km²" or, where that reads badly, "2,150 m²". */
export function hexagonArea(resolution: number): string {
  const area_km2 = HEXAGONS[resolution]?.area_km2 ?? 0;
  if (area_km2 >= 0.01) return `${area_km2.toPrecision(3).replace(/0+$/, "").replace(/\.$/, "")} km²`;
  return `${Math.round(area_km2 * 1e6).toLocaleString("en-US")} m²`;
}
