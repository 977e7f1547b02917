/** How many incidents match, out of how many, and whether more are still on their way. */
import type { Meta } from "../api/types";
import { formatCount, formatShare, plural } from "../model/format";

interface Props {
  readonly meta: Meta;
  /** null while it is not known. */
  readonly total: number | null;
  readonly filtered: boolean;
  readonly loading: boolean;
}

export function Summary({ meta, total, filtered, loading }: Props) {
  return (
    <div class="summary" aria-busy={loading}>
      <p class="summary-total">
        <strong data-testid="total">{total === null ? "…" : formatCount(total)}</strong>{" "}
        {total === 1 ? "incident" : "incidents"}
      </p>
      <p class="summary-note">{note(meta, total, filtered)}</p>
    </div>
  );
}

function note(meta: Meta, total: number | null, filtered: boolean): string {
  const all = meta.incidents.total;
  const failing = meta.sources.some((source) => source.state === "failing");
  if (failing && !filtered) return all === 0 ? "The source cannot be read" : "All that were received";
  if (!failing && !meta.caught_up && all === 0) return "Waiting for the first ones";
  if (!failing && !meta.caught_up) return `Loading: ${plural(all, "incident", "incidents")} so far`;
  if (!filtered) return "All known incidents";
  return total === null ? "Counting…" : `${formatShare(total, all)} of ${formatCount(all)} match`;
}
