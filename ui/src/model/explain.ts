/** An explanation's figures as tables that add up, and its circumstances as sentences. */
import type { Explanation, Parts } from "../api/types";
import { formatCount, formatExpected, formatShare, plural, titleCase } from "./format";
import { windowName, windowSentence } from "./peaks";

export interface PartRow {
  readonly text: string;
  readonly observed: number;
  /** null: nothing to learn from. */
  readonly expected: number | null;
  readonly q: number | null;
  readonly isRest: boolean;
}

/** The parts that hold more than their share, and all others in one row: together they are the whole. */
export function partRows({ parts, others }: Parts, name: (text: string) => string = titleCase): PartRow[] {
  const rows = parts.map(({ text, observed, expected, q }) => ({
    text: text === "" ? "Not recorded" : name(text),
    observed,
    expected,
    q,
    isRest: false,
  }));
  return [...rows, { text: "All others", ...others, q: null, isRest: true }];
}

const MOST_HOURS = 6;

/** The hours of the day with more than expected, the greatest difference first, and all others in one row. */
export function hourRows(hours: Explanation["hours"]): PartRow[] {
  const more = hours
    .filter(({ observed, expected }) => observed > expected)
    .toSorted((a, b) => b.observed - b.expected - (a.observed - a.expected))
    .slice(0, MOST_HOURS);
  const rest = hours.filter((hour) => !more.includes(hour));
  const rows = more.map(({ hour, observed, expected }) => ({
    text: `${clock(hour)}–${clock(hour + 1)}`,
    observed,
    expected,
    q: null,
    isRest: false,
  }));
  const others = {
    text: "Other hours",
    observed: rest.reduce((sum, { observed }) => sum + observed, 0),
    expected: rest.reduce((sum, { expected }) => sum + expected, 0),
    q: null,
    isRest: true,
  };
  return rest.length === 0 ? rows : [...rows, others];
}

function clock(hour: number): string {
  return `${String(hour % 24).padStart(2, "0")}:00`;
}

/** A part is worth a word in the first lines up to this q. */
const NOTABLE_Q = 0.05;

/** "176 of 330 at 003XX E RANDOLPH ST (0.65 expected); …": of each kind the part that is furthest above its share. */
export function highlights({ observed, blocks, places, descriptions }: Explanation): string | null {
  const found = [
    ...notable(blocks, (text) => `at ${text}`),
    ...notable(places, (text) => `in the kind of place “${titleCase(text)}”`),
    ...notable(descriptions, (text) => `described as “${titleCase(text)}”`),
  ];
  return found.length === 0 ? null : `${found.join("; ")}.`;

  function notable({ parts }: Parts, words: (text: string) => string): string[] {
    const [first] = parts.filter(({ text, q }) => text !== "" && q !== null && q <= NOTABLE_Q);
    if (first === undefined) return [];
    const share = first.expected === null ? "" : ` (${formatExpected(first.expected)} expected)`;
    return [`${formatCount(first.observed)} of ${formatCount(observed)} ${words(first.text)}${share}`];
  }
}

/** What a reader must know of the comparison. */
export function circumstances(explanation: Explanation, place: string): string[] {
  const { category, usual_week, city_share, learned_weeks, holidays, reported_share, unread } = explanation;
  const sentences = [
    `${titleCase(category)} in ${place}: usually about ${formatExpected(usual_week)} a week at this season, ${formatShare(city_share, 1)} of the city’s; learned from ${plural(learned_weeks, "week", "weeks")}.`,
    ...holidays.map(
      ({ name, hours, factor }) =>
        `${name}: ${plural(hours, "hour", "hours")} of the window, in which ${factor.toFixed(2)} times as many are expected as on other days.`,
    ),
  ];
  if (holidays.length === 0) sentences.push("No holiday lies in this window.");
  sentences.push(
    reported_share >= 0.995
      ? "Late reports play no part: all incidents of this window are usually known by now."
      : `Late reports: usually ${formatShare(reported_share, 1)} of this window’s incidents are known by now; the expected count allows for that.`,
  );
  const state = windowSentence({
    hours: explanation.window_hours,
    standing: explanation.standing,
    reported_share,
  });
  if (state !== null) sentences.push(state);
  if (unread > 0) {
    sentences.push(
      `The texts of ${plural(unread, "incident", "incidents")} could not be read; they count as not recorded.`,
    );
  }
  return sentences;
}

/** "103 in 24 hours; about 13.2 expected at this hour and season." */
export function verdict({ observed, expected, window_hours }: Explanation): string {
  return `${formatCount(observed)} in ${windowName(window_hours)}; about ${formatExpected(expected)} expected at this hour and season.`;
}
