/** The list of peaks: each area and category once, in its most surprising window, the most unusual first. */
import type { Peak, PeakWindow, Peaks } from "../api/types";
import { capital, formatCount, formatExpected, formatTest, titleCase } from "./format";
import { standing } from "./unusual";
import type { WindowHours } from "./view";

export interface InWindow {
  readonly hours: number;
  readonly peak: Peak;
}

export interface PeakRow extends InWindow {
  readonly key: string;
  /** The same area and category in other windows, where that is unusual too; the shortest first. */
  readonly others: readonly InWindow[];
}

/** Less surprising than this is not worth a line. */
export const UNUSUAL_Q = 0.1;

export function peakRows({ windows }: Pick<Peaks, "windows">, only: WindowHours | null): PeakRow[] {
  const found = new Map<string, InWindow[]>();
  for (const { hours, peaks } of windows) {
    for (const peak of peaks) {
      const key = `${peak.area}/${peak.category}`;
      found.set(key, [...(found.get(key) ?? []), { hours, peak }]);
    }
  }
  return [...found]
    .flatMap(([key, all]) => {
      const listed = only === null ? all.toSorted(bySurprise)[0] : all.find(({ hours }) => hours === only);
      if (listed === undefined) return [];
      const others = all.filter((each) => each !== listed && each.peak.q <= UNUSUAL_Q);
      return [{ key, ...listed, others: others.toSorted((a, b) => a.hours - b.hours) }];
    })
    .toSorted((a, b) => bySurprise(a, b) || a.key.localeCompare(b.key));
}

function bySurprise(a: InWindow, b: InWindow): number {
  return a.peak.q - b.peak.q || a.peak.p - b.peak.p;
}

/** "24 hours", "7 days". */
export function windowName(hours: number): string {
  if (hours % 168 === 0 || (hours > 48 && hours % 24 === 0)) return `${hours / 24} days`;
  return hours === 1 ? "1 hour" : `${hours} hours`;
}

/** Why a window is not ranked; null where it is. */
export function windowSentence({
  hours,
  standing: state,
  reported_share,
}: Pick<PeakWindow, "hours" | "standing" | "reported_share">): string | null {
  switch (state) {
    case "ranked":
      return null;
    case "incomplete":
      return `The last ${windowName(hours)} are incomplete: usually only ${Math.round(reported_share * 100)} % of their incidents are known by now.`.replace(
        "The last 1 hour are incomplete: usually only",
        "The last hour is incomplete: usually only",
      );
    case "too_little_history":
      return `The last ${windowName(hours)}: fewer than eight weeks of history to learn from.`.replace(
        "The last 1 hour:",
        "The last hour:",
      );
  }
}

/** "Theft in the Loop: 103 in 24 hours, about 13.2 expected at this hour and season. Far beyond …" */
export function peakSentence({ hours, peak }: InWindow, area: string): string {
  const { observed, expected, category, q } = peak;
  return (
    `${titleCase(category)} in ${area}: ${formatCount(observed)} in ${windowName(hours)}, ` +
    `about ${formatExpected(expected)} expected at this hour and season. ` +
    `${capital(standing(q).words)} (${formatTest("q", q)}).`
  );
}

/** "+681 %", only where the server finds the expected count large enough for one. */
export function percentText({ percent_more }: Pick<Peak, "percent_more">): string | null {
  if (percent_more === null) return null;
  return `${percent_more < 0 ? "−" : "+"}${formatCount(Math.abs(percent_more))} %`;
}
