/** The moment that is looked at as "now": what it makes of the filter, and how it moves. */
import { addDays, addHours, civilMs, civilText, hourText } from "./civil";
import type { Filter } from "./filter";
import { PRESETS } from "./period";
import type { View } from "./view";

export type StepUnit = "hour" | "day" | "week";

const HOURS: Readonly<Record<StepUnit, number>> = { hour: 1, day: 24, week: 168 };

/** The filter with its period ending at the moment. */
export function filterAt(filter: Filter, at: string | null): Filter {
  if (at === null) return filter;
  const earlier = filter.to !== null && civilMs(filter.to) <= civilMs(at);
  return earlier ? filter : { ...filter, to: civilText(civilMs(at)) };
}

/** A period that begins at its end or later holds nothing, and the server refuses it. */
export function isEmptyPeriod({ from, to }: Filter): boolean {
  return from !== null && to !== null && civilMs(from) >= civilMs(to);
}

/** The end of the hour of the newest incident: what the server takes when no moment is given. */
export function newestHour(dataAsOf: string): string {
  return hourText(addHours(civilMs(dataAsOf), 1));
}

export interface Extent {
  readonly earliest: string | null;
  readonly latest: string | null;
}

/**
 * The moment one step further, kept within the data; null where that is the newest. While nothing is chosen, steps
 * start from the newest.
 */
export function stepped(at: string | null, unit: StepUnit, count: number, extent: Extent): string | null {
  const { earliest, latest } = extent;
  if (earliest === null || latest === null) return at;
  const newest = newestHour(latest);
  const next = addHours(civilMs(at ?? newest), HOURS[unit] * count);
  return within(hourText(next), extent);
}

/** A wished-for moment, kept within the data; null where that is the newest. */
export function within(at: string, { earliest, latest }: Extent): string | null {
  if (earliest === null || latest === null) return at;
  const [first, last] = [civilMs(newestHour(earliest)), civilMs(newestHour(latest))];
  const ms = civilMs(at);
  return ms >= last ? null : hourText(Math.max(ms, first));
}

/**
 * The view at another moment. A period that is counted back from now ("last 28 days") goes along; so does one that
 * the moment would leave behind.
 */
export function moveTo(view: View, at: string | null, latest: string | null): View {
  return { ...view, at, filter: { ...view.filter, from: movedFrom(view, at, latest) } };
}

function movedFrom({ filter, at: before }: View, at: string | null, latest: string | null): string | null {
  const { from, to } = filter;
  if (from === null || to !== null || latest === null) return from;
  const [old, next] = [lastMs(before, latest), lastMs(at, latest)];
  const preset = PRESETS.find(({ start }) => civilText(start(old)) === from);
  if (preset !== undefined) return civilText(preset.start(next));
  if (civilMs(from) <= next) return from;
  return civilText(addDays(civilMs(from), Math.floor((next - old) / 86_400_000)));
}

/** The last minute that counts: a moment itself is excluded. */
export function lastMs(at: string | null, latest: string): number {
  return at === null ? civilMs(latest) : civilMs(at) - 60_000;
}
