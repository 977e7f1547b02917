/** The view lives in the page's address: changed filters are steps in the history, a moved map is not. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Filter } from "../model/filter";
import { formatView, parseView, type View } from "../model/view";
import { provided, useProvided } from "./context";

export interface ViewControl {
  readonly view: View;
  readonly setFilter: (filter: Filter) => void;
  /** Shows a filter while it is being chosen; `setFilter` ends that, and only then is it in the address. */
  readonly preview: (filter: Filter) => void;
  /** Changes how things are looked at, without a step in the history. */
  readonly look: (change: Partial<View>) => void;
  /** Changes what is looked at: a step in the history, so that "back" undoes it. */
  readonly go: (change: Partial<View>) => void;
}

const ViewContext = provided<ViewControl>();

export function useView(): ViewControl {
  return useProvided(ViewContext, "the view");
}

export function ViewProvider({ children }: { readonly children: ComponentChildren }) {
  return <ViewContext.Provider value={useAddress()}>{children}</ViewContext.Provider>;
}

function useAddress(): ViewControl {
  const [view, setView] = useState(() => parseView(location.search));
  const current = useRef(view);
  /** What the address holds; null: as it came. */
  const written = useRef<string | null>(null);
  useEffect(() => {
    const restore = () => {
      current.current = parseView(location.search);
      written.current = null;
      setView(current.current);
    };
    window.addEventListener("popstate", restore);
    return () => window.removeEventListener("popstate", restore);
  }, []);

  const change = useCallback((next: View, step: boolean) => {
    const before = written.current ?? formatView(parseView(location.search));
    const query = formatView(next);
    current.current = next;
    setView(next);
    if (query === before) return;
    written.current = query;
    const address = query === "" ? location.pathname : `?${query}`;
    if (step) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  }, []);

  const preview = useCallback((filter: Filter) => {
    current.current = { ...current.current, filter };
    setView(current.current);
  }, []);
  const setFilter = useCallback((filter: Filter) => change({ ...current.current, filter }, true), [change]);
  const look = useCallback((part: Partial<View>) => change({ ...current.current, ...part }, false), [change]);
  const go = useCallback((part: Partial<View>) => change({ ...current.current, ...part }, true), [change]);
  return useMemo(() => ({ view, setFilter, preview, look, go }), [view, setFilter, preview, look, go]);
}
