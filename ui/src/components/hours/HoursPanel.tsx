/** Incidents by hour of the week, as a table of colours that is also the filter for these hours. */
import { useMemo } from "preact/hooks";
import type { Hours } from "../../api/types";
import { filterParams } from "../../model/filter";
import { formatPeriod } from "../../model/format";
import { formatHours, hoursOf, WEEK_HOURS } from "../../model/hours";
import { useAsked } from "../../state/asked";
import { useFollowing } from "../../state/following";
import { apiPath, useAsking } from "../../state/period";
import { useHoursTally } from "../../state/tallies";
import { useView } from "../../state/view";
import { ChartChoice } from "../ChartChoice";
import { HourGrid } from "./HourGrid";

const NONE: ReadonlySet<number> = new Set();

export function HoursPanel() {
  const { view, setFilter } = useView();
  const { filter, query, extent } = useAsking();
  // What is chosen from ignores what is chosen in it.
  const others = useMemo(() => ({ ...filter, hours: null }), [filter]);
  const path = apiPath("hours", query === null ? null : filterParams(others).toString());
  const { data, error, loading } = useFollowing<Hours>(path, useHoursTally(others));
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
          {formatPeriod(filter, extent.earliest, extent.latest)}, city time. Choose hours to filter by them:
          tap or drag over them, or press Enter.
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
