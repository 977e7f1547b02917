/** The filter as it holds at the moment that is looked at, ready for a question. */
import { useMemo } from "preact/hooks";
import { filterParams, type Filter } from "../model/filter";
import { filterAt, isEmptyPeriod, type Extent } from "../model/moment";
import { useMeta } from "./live";
import { useAskedFilter, useMapFilter, useView } from "./view";

export interface Asking {
  readonly filter: Filter;
  /** Its parameters; null where its period is empty, which the server refuses. */
  readonly query: string | null;
  /** The extent of the data as it is known now. */
  readonly extent: Extent;
}

export function useAsking(): Asking {
  return useAskingBy(useAskedFilter());
}

export function useMapAsking(): Asking {
  return useAskingBy(useMapFilter());
}

function useAskingBy(filter: Filter): Asking {
  const { at } = useView().view;
  const { earliest, data_as_of: latest } = useMeta();
  return useMemo(() => {
    const then = filterAt(filter, at);
    const query = isEmptyPeriod(then) ? null : filterParams(then).toString();
    return { filter: then, query, extent: { earliest, latest } };
  }, [filter, at, earliest, latest]);
}

/** A question's path; null where there is nothing to ask. */
export function apiPath(resource: string, query: string | null): string | null {
  if (query === null) return null;
  if (query === "") return `/api/v1/${resource}`;
  return `/api/v1/${resource}${resource.includes("?") ? "&" : "?"}${query}`;
}
