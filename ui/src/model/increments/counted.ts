/** One incident as the server counts it, and whether a filter selects it, exactly as the server decides. */
import type { AreaLayer, CountedIncident } from "../../api/types";
import { civilMs } from "../civil";
import type { Filter } from "../filter";
import { hoursOf } from "../hours";
import type { CityClock } from "./clock";

export interface Counted {
  /** When, in milliseconds since 1970, and the same on the city's clock. */
  readonly instant: number;
  readonly civil: number;
  readonly category: string;
  readonly areas: Readonly<Record<string, string>>;
  readonly arrest: boolean | null;
  readonly domestic: boolean | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
}

/** More different words than a city has categories and areas. */
const MOST_WORDS = 20_000;

/** Keeps each word once: thousands of incidents share a few hundred. */
export class Words {
  readonly #words = new Map<string, string>();

  one(word: string): string {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    if (this.#words.size >= MOST_WORDS) this.#words.clear();
    this.#words.set(word, word);
    return word;
  }
}

export function countedOf(raw: CountedIncident, words: Words): Counted {
  const areas: Record<string, string> = {};
  for (const layer in raw.areas) areas[layer] = words.one(raw.areas[layer] ?? "");
  return {
    instant: Date.parse(raw.occurred_at),
    civil: civilMs(raw.occurred_at),
    category: words.one(raw.category),
    areas,
    arrest: raw.arrest,
    domestic: raw.domestic,
    latitude: raw.latitude,
    longitude: raw.longitude,
  };
}

export type Matches = (counted: Counted) => boolean;

export interface Names {
  readonly layers: readonly Pick<AreaLayer, "name" | "areas">[];
  readonly categories: readonly string[];
}

/** null where the filter names something by a word that only the server can resolve. */
export function matcherOf(filter: Filter, names: Names, clock: CityClock): Matches | null {
  if (!filter.categories.every((category) => names.categories.includes(category))) return null;
  const wanted = new Map<string, Set<string>>();
  for (const { layer, code } of filter.areas) {
    const areas = names.layers.find(({ name }) => name === layer)?.areas;
    if (areas?.some((area) => area.code === code) !== true) return null;
    wanted.set(layer, (wanted.get(layer) ?? new Set()).add(code));
  }
  const from = filter.from === null ? -Infinity : clock.instantOf(civilMs(filter.from));
  const to = filter.to === null ? Infinity : clock.instantOf(civilMs(filter.to));
  const categories = filter.categories.length === 0 ? null : new Set(filter.categories);
  const hours = filter.hours === null ? null : hoursOf(filter.hours);
  const { arrest, domestic, bbox } = filter;
  return (counted) => {
    if (counted.instant < from || counted.instant >= to) return false;
    if (categories !== null && !categories.has(counted.category)) return false;
    if (arrest !== null && counted.arrest !== arrest) return false;
    if (domestic !== null && counted.domestic !== domestic) return false;
    if (hours !== null && !hours.has(hourOfWeek(counted.civil))) return false;
    for (const [layer, codes] of wanted) if (!codes.has(counted.areas[layer] ?? "")) return false;
    if (bbox === null) return true;
    const { latitude, longitude } = counted;
    if (latitude === null || longitude === null) return false;
    const [west, south, east, north] = bbox;
    return latitude >= south && latitude <= north && longitude >= west && longitude <= east;
  };
}

const HOUR_MS = 3_600_000;

/** 0 is Monday from midnight to one; 1 January 1970 was a Thursday. */
export function hourOfWeek(civil: number): number {
  return (((Math.floor(civil / HOUR_MS) + 72) % 168) + 168) % 168;
}
