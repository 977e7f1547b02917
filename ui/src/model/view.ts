/** What the page's address holds: the filter and how it is looked at. Reading and writing are exact inverses. */
import type { Bucket } from "../api/types";
import { civilMs, hourText } from "./civil";
import { parseCompare, type Compare } from "./compare";
import { filterParams, parseFilter, type Filter } from "./filter";
import { formatPeakRef, parsePeakRef, type PeakRef } from "./peakref";

export interface Camera {
  readonly zoom: number;
  readonly latitude: number;
  readonly longitude: number;
}

export const LAYERS = ["count", "density", "hotspots", "emerging", "change", "peaks"] as const;
export type LayerName = (typeof LAYERS)[number];

/** `known`: with today's data. `said`: as it was published then. */
export type As = "known" | "said";

/** Which list stands beside the map. */
export const LISTS = ["peaks", "ranked"] as const;
export type ListName = (typeof LISTS)[number];

/** Hours of the windows that the server ranks. */
export const WINDOWS = [1, 6, 24, 168] as const;
export type WindowHours = (typeof WINDOWS)[number];

/** What the chart below the map is of. */
export const CHARTS = ["time", "hours"] as const;
export type ChartName = (typeof CHARTS)[number];

/** What a change is measured against: the period before, or the same days of the year before. */
export const COMPARED = ["before", "year"] as const;
export type Compared = (typeof COMPARED)[number];

/** Which table stands below; the first is the areas'. */
export const TABLES = ["areas", "hexagons", "incidents", "data"] as const;
export type TableName = (typeof TABLES)[number];

export interface View {
  readonly filter: Filter;
  /** What the map shows. */
  readonly layer: LayerName;
  /** Civil hour that is looked at as "now", such as "2018-08-05T06:00"; null: the newest. */
  readonly at: string | null;
  readonly as: As;
  readonly list: ListName;
  /** Window of the list of peaks; null: the most surprising one of each. */
  readonly window: WindowHours | null;
  /** The peak that is being explained. */
  readonly peak: PeakRef | null;
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
  readonly table: TableName;
  readonly chart: ChartName;
  /** What is shown beside what is filtered, in place of the chart; null: nothing. */
  readonly compare: Compare | null;
  readonly compared: Compared;
  /** Only the map, for another page to frame. */
  readonly embed: boolean;
}

export const FINEST_RESOLUTION = 11;
export const COARSEST_RESOLUTION = 7;
export const BUCKETS: readonly Bucket[] = ["hour", "day", "week", "month", "year"];

export function parseView(search: string): View {
  const params = new URLSearchParams(search);
  return {
    filter: parseFilter(params),
    layer: LAYERS.find((layer) => layer === params.get("layer")) ?? "count",
    at: parseHour(params.get("at")),
    as: params.get("as") === "said" ? "said" : "known",
    list: LISTS.find((list) => list === params.get("list")) ?? "peaks",
    window: WINDOWS.find((hours) => String(hours) === params.get("window")) ?? null,
    peak: parsePeakRef(params.get("peak")),
    rank: params.get("rank"),
    by: params.get("by") ?? "category",
    bucket: BUCKETS.find((bucket) => bucket === params.get("bucket")) ?? null,
    resolution: parseResolution(params.get("resolution")),
    camera: parseCamera(params.get("map")),
    chart: CHARTS.find((chart) => chart === params.get("chart")) ?? "time",
    compare: parseCompare(params.get("compare")),
    compared: COMPARED.find((compared) => compared === params.get("compared")) ?? "before",
    table: TABLES.find((table) => table === params.get("table")) ?? "areas",
    embed: params.get("embed") === "1",
  };
}

/** The address's query for a view, without the leading question mark; defaults are left out. */
export function formatView(view: View): string {
  const params = filterParams(view.filter);
  if (view.layer !== "count") params.set("layer", view.layer);
  if (view.at !== null) params.set("at", view.at);
  if (view.as !== "known") params.set("as", view.as);
  if (view.list !== "peaks") params.set("list", view.list);
  if (view.window !== null) params.set("window", String(view.window));
  if (view.peak !== null) params.set("peak", formatPeakRef(view.peak));
  if (view.rank !== null) params.set("rank", view.rank);
  if (view.by !== "category") params.set("by", view.by);
  if (view.bucket !== null) params.set("bucket", view.bucket);
  if (view.resolution !== null) params.set("resolution", String(view.resolution));
  if (view.camera !== null) params.set("map", formatCamera(view.camera));
  if (view.chart !== "time") params.set("chart", view.chart);
  if (view.compare !== null) params.set("compare", view.compare);
  if (view.compared !== "before") params.set("compared", view.compared);
  if (view.table !== "areas") params.set("table", view.table);
  if (view.embed) params.set("embed", "1");
  // Colons, commas and slashes are legal in a query and keep a shared link readable.
  return params.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
}

export function formatCamera(camera: Camera): string {
  return `${camera.zoom.toFixed(2)}/${camera.latitude.toFixed(4)}/${camera.longitude.toFixed(4)}`;
}

/** Windows end on the hour: minutes are cut off. */
function parseHour(text: string | null): string | null {
  const ms = text === null ? Number.NaN : civilMs(text);
  return Number.isFinite(ms) ? hourText(ms) : null;
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
