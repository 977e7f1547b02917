/** A sentence over the map instead of a blank: why nothing is drawn. */
import type { Meta } from "../../api/types";
import { formatCount, plural } from "../../model/format";
import { useDrawn, type Drawn } from "../../state/drawn";
import { useMeta } from "../../state/live";

export function MapNotice() {
  const notice = noticeFor(useMeta(), useDrawn());
  return notice === null ? null : <p class="map-notice">{notice}</p>;
}

function noticeFor(meta: Meta, { drawing, error, isEmptyPeriod }: Drawn): string | null {
  if (isEmptyPeriod) return "The period begins after the moment that is shown: choose another of the two.";
  if (error !== null && error.kind !== "unreachable") {
    const which = error.parameter === null ? "" : ` (${error.parameter})`;
    return `The server could not answer${which}: ${error.message}.`;
  }
  if (meta.incidents.total === 0) {
    if (meta.caught_up) return "The source holds no incidents.";
    const rejected =
      meta.rejected === 0 ? "" : ` ${plural(meta.rejected, "record", "records")} rejected so far.`;
    return `No incidents yet: waiting for the source.${rejected}`;
  }
  if (drawing?.mapped == null || drawing.unmapped === null) return null;
  if (drawing.mapped + drawing.unmapped === 0) return "No incident matches these filters.";
  if (drawing.mapped === 0)
    return `None of the ${formatCount(drawing.unmapped)} matches has a usable location.`;
  return null;
}
