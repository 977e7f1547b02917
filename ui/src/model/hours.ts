/** Hours of the week: 0 is Monday 00:00–01:00, 167 is Sunday 23:00–24:00. As text they are ranges, "20-23,44-47". */

import { MOST_CLASSES, type CountClass } from "./classes";

export const WEEK_HOURS = 168;
export const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

/**
 * Classes of the hours' counts. Other than cells, hours are much alike: classes of one width, from the least to the
 * greatest, tell them apart. An hour without incidents is in none.
 */
export function hourClasses(counts: readonly number[]): CountClass[] {
  const positive = counts.filter((count) => count > 0);
  if (positive.length === 0) return [];
  const [least, greatest] = [Math.min(...positive), Math.max(...positive)];
  const width = Math.ceil((greatest - least + 1) / MOST_CLASSES);
  const number = Math.ceil((greatest - least + 1) / width);
  return Array.from({ length: number }, (_, index) => {
    const from = least + index * width;
    const to = Math.min(from + width - 1, greatest);
    return { from, to, cells: positive.filter((count) => count >= from && count <= to).length };
  });
}

/** null where the text is no list of ranges. */
export function hoursOf(text: string): ReadonlySet<number> | null {
  const hours = new Set<number>();
  for (const range of text.split(",")) {
    const [, first, last] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(range) ?? [];
    if (first === undefined) return null;
    const [from, to] = [Number(first), Number(last ?? first)];
    if (from > to || to >= WEEK_HOURS) return null;
    for (let hour = from; hour <= to; hour += 1) hours.add(hour);
  }
  return hours;
}

/** In order, each run as one range; null where there are none. */
export function formatHours(hours: ReadonlySet<number>): string | null {
  const runs = runsOf(hours);
  if (runs.length === 0) return null;
  return runs.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(",");
}

/** All of them selected: then none of them, else all of them. */
export function toggled(hours: ReadonlySet<number>, some: readonly number[]): ReadonlySet<number> {
  const next = new Set(hours);
  const had = some.every((hour) => hours.has(hour));
  for (const hour of some) {
    if (had) next.delete(hour);
    else next.add(hour);
  }
  return next;
}

/** The hours of the rectangle between two, by day and hour of the day. */
export function rectangle(a: number, b: number): number[] {
  const [days, hours] = [
    [Math.floor(a / 24), Math.floor(b / 24)].toSorted((x, y) => x - y),
    [a % 24, b % 24].toSorted((x, y) => x - y),
  ];
  const found: number[] = [];
  for (let day = days[0] ?? 0; day <= (days[1] ?? 0); day += 1) {
    for (let hour = hours[0] ?? 0; hour <= (hours[1] ?? 0); hour += 1) found.push(day * 24 + hour);
  }
  return found;
}

const MOST_RUNS = 2;

/** "Fri 20:00–24:00, Sat 20:00–24:00", or how many where there are many runs. */
export function hoursInWords(text: string): string {
  const hours = hoursOf(text) ?? new Set<number>();
  const runs = runsOf(hours);
  if (runs.length > MOST_RUNS) return `${hours.size} hours of the week`;
  return runs.map(([from, to]) => `${moment(from)}–${end(from, to)}`).join(", ");
}

export function hourName(hour: number): string {
  return `${DAYS[Math.floor(hour / 24)] ?? ""} ${clock(hour % 24)}–${clock((hour % 24) + 1)}`;
}

function moment(hour: number): string {
  return `${DAYS[Math.floor(hour / 24)] ?? ""} ${clock(hour % 24)}`;
}

function end(from: number, to: number): string {
  const last = clock((to % 24) + 1);
  return Math.floor(from / 24) === Math.floor(to / 24) ? last : `${DAYS[Math.floor(to / 24)] ?? ""} ${last}`;
}

function clock(hour: number): string {
  return `${String(hour).padStart(2, "0")}:00`;
}

function runsOf(hours: ReadonlySet<number>): (readonly [from: number, to: number])[] {
  const runs: [number, number][] = [];
  for (const hour of [...hours].toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last?.[1] === hour - 1) last[1] = hour;
    else runs.push([hour, hour]);
  }
  return runs;
}
