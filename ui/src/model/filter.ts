/**
 * The one filter state behind map, list, chart and tables.
 *
 * Its parameters have the same names in the page's address and in the API, so that a shared link and a request can
 * be compared by eye. Unknown or malformed values in an address are dropped, never sent on.
 */
import { isCivil } from "./civil";
import { formatHours, hoursOf } from "./hours";

export interface AreaRef {
  readonly layer: string;
  readonly code: string;
}

/** West, south, east, north in degrees. */
export type BoundingBox = readonly [number, number, number, number];

export interface Filter {
  /** Civil time, inclusive. */
  readonly from: string | null;
  /** Civil time, exclusive. */
  readonly to: string | null;
  readonly categories: readonly string[];
  readonly areas: readonly AreaRef[];
  readonly arrest: boolean | null;
  readonly domestic: boolean | null;
  readonly bbox: BoundingBox | null;
  /** Hours of the week as ranges, "20-23,44-47": 0 is Monday 00:00–01:00. In order, without gaps or overlaps. */
  readonly hours: string | null;
}

export const NO_FILTER: Filter = {
  from: null,
  to: null,
  categories: [],
  areas: [],
  arrest: null,
  domestic: null,
  bbox: null,
  hours: null,
};

export function parseFilter(params: URLSearchParams): Filter {
  return {
    from: civilParam(params, "from"),
    to: civilParam(params, "to"),
    categories: unique(params.getAll("category").filter((category) => category !== "")),
    areas: unique(params.getAll("area")).flatMap(parseArea),
    arrest: booleanParam(params, "arrest"),
    domestic: booleanParam(params, "domestic"),
    bbox: parseBoundingBox(params.get("bbox")),
    hours: parseHours(params.get("hour_of_week")),
  };
}

/** Parameters in a fixed order: equal filters give equal strings, which is what requests are compared by. */
export function filterParams(filter: Filter): URLSearchParams {
  const params = new URLSearchParams();
  if (filter.from !== null) params.set("from", filter.from);
  if (filter.to !== null) params.set("to", filter.to);
  for (const category of filter.categories.toSorted()) params.append("category", category);
  for (const area of filter.areas.map(formatArea).toSorted()) params.append("area", area);
  if (filter.arrest !== null) params.set("arrest", String(filter.arrest));
  if (filter.domestic !== null) params.set("domestic", String(filter.domestic));
  if (filter.bbox !== null) params.set("bbox", filter.bbox.join(","));
  if (filter.hours !== null) params.set("hour_of_week", filter.hours);
  return params;
}

export function isUnfiltered(filter: Filter): boolean {
  return filterParams(filter).size === 0;
}

export function formatArea(area: AreaRef): string {
  return `${area.layer}:${area.code}`;
}

export function toggleCategory(filter: Filter, category: string): Filter {
  const without = filter.categories.filter((other) => other !== category);
  const had = without.length < filter.categories.length;
  return { ...filter, categories: had ? without : [...without, category] };
}

export function toggleArea(filter: Filter, area: AreaRef): Filter {
  const key = formatArea(area);
  const without = filter.areas.filter((other) => formatArea(other) !== key);
  const had = without.length < filter.areas.length;
  return { ...filter, areas: had ? without : [...without, area] };
}

function parseHours(text: string | null): string | null {
  const hours = text === null ? null : hoursOf(text);
  return hours === null ? null : formatHours(hours);
}

function parseArea(text: string): AreaRef[] {
  const colon = text.indexOf(":");
  if (colon < 1 || colon === text.length - 1) return [];
  return [{ layer: text.slice(0, colon), code: text.slice(colon + 1) }];
}

function parseBoundingBox(text: string | null): BoundingBox | null {
  if (text === null) return null;
  const sides = text.split(",").map((side) => (side.trim() === "" ? Number.NaN : Number(side)));
  const [west, south, east, north] = sides;
  if (sides.length !== 4 || west === undefined || south === undefined) return null;
  if (east === undefined || north === undefined || !sides.every(Number.isFinite)) return null;
  const ordered = west < east && south < north && west >= -180 && east <= 180 && south >= -90 && north <= 90;
  return ordered ? [west, south, east, north] : null;
}

/** A year or a month, which the API takes for its beginning. */
const SHORT = /^\d{4}(-\d{2})?$/;

function civilParam(params: URLSearchParams, name: string): string | null {
  const text = params.get(name);
  if (text === null) return null;
  const whole = SHORT.test(text) ? `${text}${"-01-01".slice(text.length - 4)}` : text;
  return isCivil(whole) ? whole : null;
}

function booleanParam(params: URLSearchParams, name: string): boolean | null {
  const text = params.get(name);
  return text === "true" ? true : text === "false" ? false : null;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
