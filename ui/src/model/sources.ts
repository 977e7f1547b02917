/** What the page says of the sources: pure, from the figures of `meta` to words. */
import type { Apart, Figures, Source } from "../api/types";
import { formatCivil, formatCount, formatReceived } from "./format";

/** The kind of a notice about deletions that wait for a confirmation. */
const HELD = "held_deletions";

export interface SourceStanding {
  /** The word in the badge. */
  readonly value: string;
  /** What it means, for whoever hovers. */
  readonly hint: string;
  /** Whether a person should look. */
  readonly alarming: boolean;
}

/** The badge: a source that fails is named before all else. */
export function standingOf(figures: Pick<Figures, "caught_up" | "sources">): SourceStanding {
  const failing = figures.sources.filter((source) => source.state === "failing");
  const [first] = failing;
  if (first !== undefined) {
    const since = first.failing_since === null ? "" : ` since ${formatReceived(first.failing_since)}`;
    const count =
      failing.length === 1 ? "" : `${String(failing.length)} of ${String(figures.sources.length)} `;
    return {
      value: `${count}failing${since}`,
      hint: `${first.describe} cannot be read${since}. These figures show what was received before`,
      alarming: true,
    };
  }
  if (figures.sources.some((source) => source.state === "held")) {
    return {
      value: "held",
      hint: "Part of what the source says waits for a confirmation",
      alarming: true,
    };
  }
  if (figures.caught_up && hasEnded(figures)) {
    return { value: "ended", hint: "Everything is in these figures; no changes follow", alarming: false };
  }
  return figures.caught_up
    ? { value: "caught up", hint: "Everything that the source holds is in these figures", alarming: false }
    : { value: "catching up", hint: "The source holds more than these figures show yet", alarming: false };
}

/** Whether no source changes any more: there is nothing to follow. */
export function hasEnded({ sources }: Pick<Figures, "sources">): boolean {
  return sources.length > 0 && sources.every((source) => source.state === "ended");
}

/** A connection may be live while the data are years old: only what happened in these days deserves the word. */
const LIVE_DAYS = 2;

/** "Newest incident 12 Nov 2018" where the newest is not of these days; null where it is, or there is none. */
export function newestIfOld({ data_as_of }: Pick<Figures, "data_as_of">, now_ms: number): string | null {
  if (data_as_of === null) return null;
  if (now_ms - Date.parse(data_as_of) <= LIVE_DAYS * 86_400_000) return null;
  return `Newest incident ${formatCivil(data_as_of.slice(0, 10))}`;
}

export interface Alarm {
  readonly title: string;
  readonly text: string;
}

/** What a person must see at once: sources that fail, with since when and why, and deletions that wait. */
export function alarms(sources: readonly Source[]): readonly Alarm[] {
  return sources.flatMap((source) => {
    const held = source.notices
      .filter((notice) => notice.kind === HELD)
      .map((notice) => ({ title: "Deletions wait.", text: sentence(notice.text) }));
    if (source.state !== "failing") return held;
    const since = source.failing_since === null ? "" : ` since ${formatReceived(source.failing_since)}`;
    const last =
      source.last_success_at === null
        ? "It has never answered."
        : `It last answered at ${formatReceived(source.last_success_at)}.`;
    const why = source.why === null ? "" : ` (${source.why})`;
    const text = `${source.describe} cannot be read${since}${why}. ${last} The figures show what was received before; it is asked again.`;
    return [{ title: "Source failing.", text }, ...held];
  });
}

/** What a person should know of the rows: the sources' notices, and incidents far from all others in time. */
export function notes(figures: Pick<Figures, "sources" | "outliers">): readonly string[] {
  const said = figures.sources.flatMap((source) =>
    source.notices.filter((notice) => notice.kind !== HELD).map((notice) => sentence(notice.text)),
  );
  const { early, late } = figures.outliers;
  if (early !== null) {
    said.push(`${apart(early)} far before all others. The charts begin behind ${them(early)}.`);
  }
  if (late !== null) {
    said.push(`${apart(late)} ahead of all others. "Data as of" and the charts end before ${them(late)}.`);
  }
  return said;
}

function apart({ incidents, first, last }: Apart): string {
  const when = first === last ? formatCivil(first) : `${formatCivil(first)} to ${formatCivil(last)}`;
  return incidents === 1
    ? `1 incident is dated ${when},`
    : `${formatCount(incidents)} incidents are dated ${when},`;
}

function them({ incidents }: Apart): string {
  return incidents === 1 ? "it" : "them";
}

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole.endsWith(".") ? whole : `${whole}.`;
}
