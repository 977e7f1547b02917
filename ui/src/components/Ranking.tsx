/** The list of areas or categories with the most incidents. */
import { useMemo, useRef } from "preact/hooks";
import type { Series } from "../api/types";
import { filterParams, toggleCategory, type Filter } from "../model/filter";
import { useAreas, useChosenAreas, useNames } from "../state/areas";
import { useAsked } from "../state/asked";
import { useCalm } from "../state/calm";
import { useFollowing } from "../state/following";
import { apiPath, useAsking } from "../state/period";
import { useSeriesTally } from "../state/tallies";
import { useView } from "../state/view";
import { RankedList } from "./RankedList";

/** `isShown`: nothing is asked for a list that nobody sees. */
export function Ranking({ isShown }: { readonly isShown: boolean }) {
  const { view, setFilter, look } = useView();
  const { layer } = useAreas();
  const { filter, query } = useAsking();
  const { chosen, toggle } = useChosenAreas();
  const nameOf = useNames();
  const dimension = layer === null || view.rank === "category" ? "category" : layer.name;
  const others = useMemo(() => withoutOwn(filter, dimension), [filter, dimension]);
  const path =
    query === null || !isShown
      ? null
      : apiPath(`series?by=${encodeURIComponent(dimension)}&bucket=year`, filterParams(others).toString());
  const element = useRef<HTMLElement>(null);
  const newest = useFollowing<Series>(path, useSeriesTally(others, dimension, "year"));
  const answer = useCalm(element, newest, `${newest.path ?? ""} ${newest.error?.message ?? ""}`);
  useAsked("Most incidents", path);
  const marked = dimension === "category" ? filter.categories : chosen;
  // The same element as before while the period alone changes, until there is an answer.
  return useMemo(
    () => (
      <RankedList
        element={element}
        answer={answer}
        dimensions={[
          ...(layer === null ? [] : [{ value: layer.name, label: "By area" }]),
          { value: "category", label: "By category" },
        ]}
        dimension={dimension}
        chosen={marked}
        nameOf={(key) => nameOf(dimension, key)}
        onDimension={(rank) => look({ rank })}
        onToggle={(key) =>
          dimension === "category" ? setFilter(toggleCategory(view.filter, key)) : toggle(key)
        }
      />
    ),
    [answer, layer, dimension, marked, nameOf, look, setFilter, view.filter, toggle],
  );
}

/**
 * A list to choose from ignores what is chosen in it: with one area picked, the others keep their figures and can be
 * picked, too.
 */
function withoutOwn(filter: Filter, dimension: string): Filter {
  return dimension === "category"
    ? { ...filter, categories: [] }
    : { ...filter, areas: filter.areas.filter((area) => area.layer !== dimension) };
}
