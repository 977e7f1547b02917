/** The view lives in the page's address: changed filters are steps in the history, a moved map is not. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Filter } from "../model/filter";
import { formatView, parseView, type View } from "../model/view";
import { provided, useProvided } from "./context";

export interface ViewControl {
  readonly view: View;
  readonly setFilter: (filter: Filter) => void;
  /** Asks by a filter that is being chosen; null, or any other change, ends that. It is not in the address. */
  readonly preview: (filter: Filter | null) => void;
  /** Changes how things are looked at, without a step in the history. */
  readonly look: (change: Partial<View>) => void;
  /** Changes what is looked at: a step in the history, so that "back" undoes it. */
  readonly go: (change: Partial<View>) => void;
}

const ViewContext = provided<ViewControl>();

const FilterContext = provided<Filter>();

/** The filter to ask by: the view's, or one that is being chosen. Whatever only shows or changes filters need not follow that. */
export function useAskedFilter(): Filter {
  return useProvided(FilterContext, "the filter");
}

export function useView(): ViewControl {
  return useProvided(ViewContext, "the view");
}

export function ViewProvider({ children }: { readonly children: ComponentChildren }) {
  const [control, previewed] = useAddress();
  return (
    <ViewContext.Provider value={control}>
      <FilterContext.Provider value={previewed ?? control.view.filter}>{children}</FilterContext.Provider>
    </ViewContext.Provider>
  );
}

function useAddress(): readonly [ViewControl, Filter | null] {
  const [view, setView] = useState(() => parseView(location.search));
  const current = useRef(view);
  const [previewed, preview] = useState<Filter | null>(null);
  useEffect(() => {
    const restore = () => {
      current.current = parseView(location.search);
      preview(null);
      setView(current.current);
    };
    window.addEventListener("popstate", restore);
    return () => window.removeEventListener("popstate", restore);
  }, []);

  const change = useCallback((next: View, step: boolean) => {
    const before = formatView(current.current);
    const query = formatView(next);
    current.current = next;
    setView(next);
    preview(null);
    if (query === before) return;
    const address = query === "" ? location.pathname : `?${query}`;
    if (step) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }, []);

  const setFilter = useCallback((filter: Filter) => change({ ...current.current, filter }, true), [change]);
  const look = useCallback((part: Partial<View>) => change({ ...current.current, ...part }, false), [change]);
  const go = useCallback((part: Partial<View>) => change({ ...current.current, ...part }, true), [change]);
  const control = useMemo(() => ({ view, setFilter, preview, look, go }), [view, setFilter, look, go]);
  return [control, previewed];
}
