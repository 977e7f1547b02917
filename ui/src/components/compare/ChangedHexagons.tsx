/** Where two periods differ by more than chance, from the exact test of each hexagon; the map shows which they are. */
import type { Change } from "../../api/types";
import { filterParams, type Filter } from "../../model/filter";
import { formatCount, plural } from "../../model/format";
import type { Compared } from "../../model/view";
import { useAsked } from "../../state/asked";
import { useRevision } from "../../state/live";
import { apiPath } from "../../state/period";
import { useQuery } from "../../state/query";
import { useView } from "../../state/view";

interface Props {
  readonly compare: Compared;
  readonly now: Filter;
  readonly before: Filter;
}

const RESOLUTION = 8;

export function ChangedHexagons({ compare, now, before }: Props) {
  const { view, look } = useView();
  const params = filterParams(now);
  params.set("before_from", before.from ?? "");
  params.set("before_to", before.to ?? "");
  const path = apiPath(`change?resolution=${RESOLUTION}`, params.toString());
  const { data, error } = useQuery<Change>(path, useRevision());
  useAsked("Compare: hexagons that changed", path);
  if (error !== null && data === null)
    return <p class="panel-caption">Where they differ could not be tested: {error.message}.</p>;
  if (data === null) return <p class="panel-caption">Testing where they differ…</p>;
  const { more, fewer, tests, confidence } = data;
  const isShown = view.layer === "change" && view.compared === compare;
  return (
    <p class="panel-caption" data-testid="compare-test">
      {more + fewer === 0
        ? `In none of ${plural(tests, "hexagon", "hexagons")} is the difference beyond chance`
        : `Beyond chance: more in ${plural(more, "hexagon", "hexagons")}, fewer in ${formatCount(fewer)}, of ${formatCount(tests)}`}{" "}
      (exact test of two Poisson counts, {confidence} % confidence, corrected for all).{" "}
      <button
        type="button"
        class="link"
        disabled={isShown}
        onClick={() => look({ layer: "change", compared: compare })}
      >
        {isShown ? "The map shows them" : `Show ${more + fewer > 0 ? "them" : "all"} on the map`}
      </button>
    </p>
  );
}
