/** What the page's address holds: the filter and how it is looked at. Reading and writing are exact inverses. */
import type { Bucket } from "../api/types";
import { filterParams, parseFilter, type Filter } from "./filter";

export interface Camera {
  readonly zoom: number;
  readonly latitude: number;
  readonly longitude: number;
}

export interface View {
  readonly filter: Filter;
  /** `category` or the name of an area layer; null lets the page choose. */
  readonly rank: string | null;
  /** What the time series is split by: `category`, `none` or an area layer. */
  readonly by: string;
  /** null: chosen by the length of the period. */
  readonly bucket: Bucket | null;
  /** H3 resolution; null: chosen by the zoom. */
  readonly resolution: number | null;
  /** null: the whole city. */
  readonly camera: Camera | null;
}

export const FINEST_RESOLUTION = 11;
export const COARSEST_RESOLUTION = 7;
export const BUCKETS: readonly Bucket[] = ["hour", "day", "week", "month", "year"];

export function parseView(search: string): View {
  const params = new URLSearchParams(search);
  return {
    filter: parseFilter(params),
    rank: params.get("rank"),
    by: params.get("by") ?? "category",
    bucket: BUCKETS.find((bucket) => bucket === params.get("bucket")) ?? null,
    resolution: parseResolution(params.get("resolution")),
    camera: parseCamera(params.get("map")),
  };
}

/** The address's query for a view, without the leading question mark; defaults are left out. */
export function formatView(view: View): string {
  const params = filterParams(view.filter);
  if (view.rank !== null) params.set("rank", view.rank);
  if (view.by !== "category") params.set("by", view.by);
  if (view.bucket !== null) params.set("bucket", view.bucket);
  if (view.resolution !== null) params.set("resolution", String(view.resolution));
  if (view.camera !== null) params.set("map", formatCamera(view.camera));
  // Colons, commas and slashes are legal in a query and keep a shared link readable.
  return params.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
}

export function formatCamera(camera: Camera): string {
  return `${camera.zoom.toFixed(2)}/${camera.latitude.toFixed(4)}/${camera.longitude.toFixed(4)}`;
}

function parseCamera(text: string | null): Camera | null {
  const parts = (text ?? "").split("/");
  const [zoom, latitude, longitude] = parts.map((part) => (part === "" ? Number.NaN : Number(part)));
  if (parts.length !== 3 || zoom === undefined || latitude === undefined || longitude === undefined)
    return null;
  const possible =
    zoom >= 0 && zoom <= 24 && Math.abs(latitude) <= 85 && longitude >= -180 && longitude <= 180;
  return possible ? { zoom, latitude, longitude } : null;
}

function parseResolution(text: string | null): number | null {
  if (text === null || !/^\d+$/.test(text)) return null;
  const resolution = Number(text);
  return resolution >= COARSEST_RESOLUTION && resolution <= FINEST_RESOLUTION ? resolution : null;
}
