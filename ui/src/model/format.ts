/** Numbers, times and names as the page prints them: one language, one form, whatever the browser's locale. */
import type { AreaLayer } from "../api/types";
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

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A count that was expected: one decimal below 100, two significant digits below one. */
export function formatExpected(count: number): string {
  if (count >= 100) return formatCount(count);
  if (count >= 1) return count.toFixed(1);
  return count >= 0.01 ? String(Number(count.toPrecision(2))) : "under 0.01";
}

/** A probability as people write it: "0.034", "0.0000048", never in powers of ten. */
export function formatProbability(value: number): string {
  if (value < LEAST) return `< ${LEAST.toFixed(7)}`;
  if (value >= 0.995) return "1";
  const digits = Math.max(2, Math.ceil(-Math.log10(value)) + 1);
  return value.toFixed(digits).replace(/0+$/, "");
}

const LEAST = 1e-7;

/** "q = 0.0000048"; below what anybody counts zeros of, "q < 0.0000001". */
export function formatTest(name: string, value: number): string {
  return value < LEAST ? `${name} < ${LEAST.toFixed(7)}` : `${name} = ${formatProbability(value)}`;
}

/** A score with its sign: "+2.58". */
export function formatScore(score: number): string {
  return `${score < 0 ? "−" : "+"}${Math.abs(score).toFixed(2)}`;
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

/** "Loop", or "Beat 0313" where areas have no names. */
export function areaName(layers: readonly AreaLayer[], layer: string, code: string): string {
  if (code === "") return "No area recorded";
  const named = layers.find(({ name }) => name === layer);
  const name = named?.areas.find((area) => area.code === code)?.name;
  return name !== undefined && name !== code ? name : `${named?.title ?? layer} ${code}`;
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
