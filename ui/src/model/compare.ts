/** Two periods, or two areas, side by side: which they are, and what may be said of their difference. */
import { addMonths, civilMs, civilText } from "./civil";
import { formatArea, type AreaRef, type Filter } from "./filter";
import { formatCount, formatPeriod } from "./format";
import { changePeriod } from "./layers";
import { isEmptyPeriod, type Extent } from "./moment";

/** With the period before, the same days of the year before, the whole city, or another area ("community_area:32"). */
export type Compare = "before" | "year" | "city" | `${string}:${string}`;

export interface Side {
  readonly filter: Filter;
  /** What sets it apart from the other side. */
  readonly title: string;
  /** Codes of the areas that it is of, of one layer; null: the whole city. */
  readonly areas: readonly string[] | null;
}

export function parseCompare(text: string | null): Compare | null {
  if (text === "before" || text === "year" || text === "city") return text;
  const colon = text?.indexOf(":") ?? -1;
  return text !== null && colon > 0 && colon < text.length - 1 ? (text as Compare) : null;
}

export function isOfPeriods(compare: Compare): compare is "before" | "year" {
  return compare === "before" || compare === "year";
}

/** `layer`: of the areas that can be chosen. null where both sides would be the same, or one of them empty. */
export function sidesOf(
  compare: Compare,
  filter: Filter,
  extent: Extent,
  layer: string | null,
  nameOf: (layer: string, code: string) => string,
): readonly [Side, Side] | null {
  const own = filter.areas.filter((area) => area.layer === layer);
  const ownCodes = own.length === 0 ? null : own.map(({ code }) => code);
  if (isOfPeriods(compare)) {
    const period = changePeriod(filter, extent);
    if (period.from === null || period.to === null || isEmptyPeriod(period)) return null;
    const [from, to] = [civilMs(period.from), civilMs(period.to)];
    const other =
      compare === "before"
        ? { ...period, from: civilText(from - (to - from)), to: period.from }
        : { ...period, from: civilText(addMonths(from, -12)), to: civilText(addMonths(to, -12)) };
    const title = (of: Filter) => formatPeriod(of, null, null);
    return [
      { filter: period, title: title(period), areas: ownCodes },
      { filter: other, title: title(other), areas: ownCodes },
    ];
  }
  const others: AreaRef[] = filter.areas.filter((area) => area.layer !== layer);
  const names = own.map((area) => nameOf(area.layer, area.code)).join(", ");
  const first = { filter, title: names === "" ? "The whole city" : names, areas: ownCodes };
  if (compare === "city") {
    if (ownCodes === null) return null;
    return [first, { filter: { ...filter, areas: others }, title: "The whole city", areas: null }];
  }
  const [name = "", ...code] = compare.split(":");
  const area = { layer: name, code: code.join(":") };
  if (name !== layer || (own.length === 1 && own.every((each) => formatArea(each) === compare))) return null;
  return [
    first,
    { filter: { ...filter, areas: [...others, area] }, title: nameOf(name, area.code), areas: [area.code] },
  ];
}

/** Below this, a percentage says more than the counts can bear. */
const LEAST_FOR_PERCENT = 20;

/** "134 more: 1,234 after 1,100 (+12 %)". */
export function differenceInWords(count: number, other: number): string {
  const difference = count - other;
  if (difference === 0) return `as many: ${formatCount(count)}`;
  const more = `${formatCount(Math.abs(difference))} ${difference > 0 ? "more" : "fewer"}: ${formatCount(count)} after ${formatCount(other)}`;
  if (Math.min(count, other) < LEAST_FOR_PERCENT) return more;
  const percent = Math.round((difference / other) * 100);
  return `${more} (${percent < 0 ? "−" : "+"}${formatCount(Math.abs(percent))} %)`;
}
