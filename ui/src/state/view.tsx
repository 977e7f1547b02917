/** The view lives in the page's address: changed filters are steps in the history, a moved map is not. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Filter } from "../model/filter";
import { formatView, parseView, type View } from "../model/view";
import { provided, useProvided } from "./context";
import { Preview } from "./preview";

export interface ViewControl {
  readonly view: View;
  readonly setFilter: (filter: Filter) => void;
  /** Asks by a filter that is being chosen; null, or any other change, ends that. It is not in the address. */
  readonly preview: (filter: Filter | null) => void;
  /** The map has drawn what it asks by that filter: now the other views ask. */
  readonly follow: () => void;
  /** Changes how things are looked at, without a step in the history. */
  readonly look: (change: Partial<View>) => void;
  /** Changes what is looked at: a step in the history, so that "back" undoes it. */
  readonly go: (change: Partial<View>) => void;
}

const ViewContext = provided<ViewControl>();

const FilterContext = provided<Filter>();

const MapFilterContext = provided<Filter>();

/** The filter to ask by: the view's, or one that is being chosen. Whatever only shows or changes filters need not follow that. */
export function useAskedFilter(): Filter {
  return useProvided(FilterContext, "the filter");
}

/** The same for the map, which goes first. */
export function useMapFilter(): Filter {
  return useProvided(MapFilterContext, "the map's filter");
}

export function useView(): ViewControl {
  return useProvided(ViewContext, "the view");
}

export function ViewProvider({ children }: { readonly children: ComponentChildren }) {
  const [control, previewed] = useAddress();
  const { filter } = control.view;
  return (
    <ViewContext.Provider value={control}>
      <MapFilterContext.Provider value={previewed.map ?? filter}>
        <FilterContext.Provider value={previewed.others ?? filter}>{children}</FilterContext.Provider>
      </MapFilterContext.Provider>
    </ViewContext.Provider>
  );
}

interface SeenProps {
  readonly isSeen: boolean;
  readonly children: ComponentChildren;
}

/** While nobody sees them, views ask by the filter in the address, not by one that is being chosen. */
export function PreviewIfSeen({ isSeen, children }: SeenProps) {
  const asked = useAskedFilter();
  const { filter } = useView().view;
  return <FilterContext.Provider value={isSeen ? asked : filter}>{children}</FilterContext.Provider>;
}

interface Previewed {
  readonly map: Filter | null;
  readonly others: Filter | null;
}

function useAddress(): readonly [ViewControl, Previewed] {
  const [view, setView] = useState(() => parseView(location.search));
  const current = useRef(view);
  const [map, setMap] = useState<Filter | null>(null);
  const [others, setOthers] = useState<Filter | null>(null);
  const [previewing] = useState(() => new Preview(setMap, setOthers));
  useEffect(() => {
    const restore = () => {
      current.current = parseView(location.search);
      previewing.end();
      setView(current.current);
    };
    window.addEventListener("popstate", restore);
    return () => window.removeEventListener("popstate", restore);
  }, [previewing]);

  const change = useCallback(
    (next: View, step: boolean) => {
      const before = formatView(current.current);
      const query = formatView(next);
      current.current = next;
      setView(next);
      previewing.end();
      if (query === before) return;
      const address = query === "" ? location.pathname : `?${query}`;
      if (step) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    },
    [previewing],
  );
  const preview = useCallback(
    (filter: Filter | null) => (filter === null ? previewing.end() : previewing.choose(filter)),
    [previewing],
  );
  const follow = useCallback(() => previewing.follow(), [previewing]);

  const setFilter = useCallback((filter: Filter) => change({ ...current.current, filter }, true), [change]);
  const look = useCallback((part: Partial<View>) => change({ ...current.current, ...part }, false), [change]);
  const go = useCallback((part: Partial<View>) => change({ ...current.current, ...part }, true), [change]);
  const control = useMemo(
    () => ({ view, setFilter, preview, follow, look, go }),
    [view, setFilter, preview, follow, look, go],
  );
  return [control, { map, others }];
}
