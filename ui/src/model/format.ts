/** Numbers, times and names as the page prints them: one language, one form, whatever the browser's locale. */
import { civilMs } from "./civil";
import type { Filter } from "./filter";

const INTEGER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const PERCENT = new Intl.NumberFormat("en-US", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const DATE = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC",
  day: "numeric",
  month: "short",
  year: "numeric",
});

export function formatCount(count: number): string {
  return INTEGER.format(count);
}

export function formatShare(part: number, whole: number): string {
  return whole === 0 ? "–" : PERCENT.format(part / whole);
}

export function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** "31 Dec 2017" or "31 Dec 2017, 23:58", on the city's clock; works for civil times and instants alike. */
export function formatCivil(text: string): string {
  const ms = civilMs(text);
  if (!Number.isFinite(ms)) return text;
  const date = DATE.format(ms);
  return text.length > 10 ? `${date}, ${new Date(ms).toISOString().slice(11, 16)}` : date;
}

/** An instant on the reader's own clock, with its zone, because "received" is about the reader's now. */
export function formatReceived(instant: string): string {
  return new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).format(new Date(instant));
}

/** "CRIMINAL DAMAGE" as "Criminal damage": the data's capitals shout and take more room. */
export function titleCase(published: string): string {
  return published === published.toUpperCase() && published !== ""
    ? published.charAt(0) + published.slice(1).toLowerCase()
    : published;
}

/** The filter's period in words, for legends and captions; its end is the last day that counts. */
export function formatPeriod(filter: Filter, earliest: string | null, latest: string | null): string {
  const from = filter.from ?? dayOf(earliest);
  const to = filter.to === null ? dayOf(latest) : lastOf(filter.to);
  if (from === null && to === null) return "no data yet";
  if (from === null) return `until ${formatCivil(to ?? "")}`;
  if (to === null) return `since ${formatCivil(from)}`;
  if (from === to) return formatCivil(from);
  const sameDay = from.slice(0, 10) === to.slice(0, 10) && to.length > 10;
  return `${formatCivil(from)} – ${sameDay ? to.slice(11, 16) : formatCivil(to)}`;
}

function dayOf(instant: string | null): string | null {
  return instant === null ? null : instant.slice(0, 10);
}

/** A time of day is an end that people write as it is; a date that is excluded is not. */
function lastOf(to: string): string {
  return to.length > 10 ? to : new Date(civilMs(to) - 1).toISOString().slice(0, 10);
}
