/** Incidents by hour of the week, as a table of colours that is also the filter for these hours. */
import type { Hours } from "../../api/types";
import { filterParams } from "../../model/filter";
import { formatPeriod } from "../../model/format";
import { formatHours, hoursOf, WEEK_HOURS } from "../../model/hours";
import { useAsked } from "../../state/asked";
import { useRevision } from "../../state/live";
import { apiPath, useAsking } from "../../state/period";
import { useQuery } from "../../state/query";
import { useView } from "../../state/view";
import { ChartChoice } from "../ChartChoice";
import { HourGrid } from "./HourGrid";

const NONE: ReadonlySet<number> = new Set();

export function HoursPanel() {
  const { view, setFilter } = useView();
  const { filter, query, extent } = useAsking();
  // What is chosen from ignores what is chosen in it.
  const others = query === null ? null : filterParams({ ...filter, hours: null }).toString();
  const path = apiPath("hours", others);
  const { data, error, loading } = useQuery<Hours>(path, useRevision());
  useAsked("Hours of the week", path);
  const chosen = filter.hours === null ? NONE : (hoursOf(filter.hours) ?? NONE);
  const choose = (hours: ReadonlySet<number>) =>
    setFilter({ ...view.filter, hours: hours.size === WEEK_HOURS ? null : formatHours(hours) });
  const counts = data?.lines[0]?.counts ?? [];
  return (
    <section
      class="panel series hours"
      data-testid="hours"
      aria-label="Hours of the week"
      aria-busy={loading}
    >
      <header class="panel-header">
        <ChartChoice />
        <p class="panel-caption hours-caption">
          {formatPeriod(filter, extent.earliest, extent.latest)}, city time. Drag over hours, or press Enter
          on one, to filter by them.
        </p>
        <div class="series-controls">
          <button type="button" class="quiet" disabled={chosen.size === 0} onClick={() => choose(NONE)}>
            All hours
          </button>
        </div>
      </header>
      {data === null ? (
        <p class="empty">
          {error === null ? "Loading…" : `The hours could not be loaded: ${error.message}.`}
        </p>
      ) : (
        <HourGrid counts={counts} chosen={chosen} onChoose={choose} />
      )}
    </section>
  );
}
