/** How many incidents match, out of how many; said to assistive tools, too. */
import type { Series } from "../api/types";
import { isUnfiltered } from "../model/filter";
import { formatPeriod, plural } from "../model/format";
import { useAsked } from "../state/asked";
import { useFollowing } from "../state/following";
import { useMeta } from "../state/live";
import { apiPath, useAsking } from "../state/period";
import { useSeriesTally } from "../state/tallies";
import { useAskedFilter, useView } from "../state/view";
import { Announcer } from "./badge/Announcer";
import { Summary } from "./Summary";

export function Total() {
  const meta = useMeta();
  const { filter, query, extent } = useAsking();
  const isBeingChosen = useAskedFilter() !== useView().view.filter;
  const path = apiPath("series?by=none&bucket=year", query);
  const answer = useFollowing<Series>(path, useSeriesTally(filter, "none", "year"));
  useAsked("Total", path);
  const total = path === null ? 0 : answer.data === null ? null : sum(answer.data);
  const period = formatPeriod(filter, extent.earliest, extent.latest);
  return (
    <>
      <Summary
        meta={meta}
        total={total}
        filtered={!isUnfiltered(filter)}
        loading={answer.loading && answer.path !== path}
      />
      <Announcer
        question={query ?? ""}
        isHeld={isBeingChosen}
        sentence={total === null ? "" : `${plural(total, "incident matches", "incidents match")}, ${period}.`}
      />
    </>
  );
}

function sum({ series }: Series): number {
  return series.reduce((whole, { counts }) => counts.reduce((each, count) => each + count, whole), 0);
}
