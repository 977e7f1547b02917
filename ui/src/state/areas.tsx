/** The primary layer of areas: its outlines, and the names of all layers' areas. */
import type { ComponentChildren } from "preact";
import { useCallback, useMemo } from "preact/hooks";
import type { AreaLayer, Boundaries, Outlines } from "../api/types";
import { areaShapes, outlinesOf, type AreaShape } from "../model/areas";
import { toggleArea } from "../model/filter";
import { areaName, titleCase } from "../model/format";
import { provided, useProvided } from "./context";
import { useMeta } from "./live";
import { useQuery } from "./query";
import { useView } from "./view";

export interface Areas {
  /** null: incidents have no areas. */
  readonly layer: AreaLayer | null;
  readonly outlines: Outlines | null;
  readonly shapes: readonly AreaShape[];
}

const NO_SHAPES: readonly AreaShape[] = [];

const AreasContext = provided<Areas>();

export function useAreas(): Areas {
  return useProvided(AreasContext, "the areas");
}

export function AreasProvider({ children }: { readonly children: ComponentChildren }) {
  const { layers } = useMeta();
  const layer = layers.find(({ primary }) => primary) ?? layers[0] ?? null;
  const published = useQuery<Boundaries>(
    layer?.boundaries === true ? `/api/v1/boundaries/${encodeURIComponent(layer.name)}` : null,
    0,
  ).data;
  const outlines = useMemo(() => (published === null ? null : outlinesOf(published)), [published]);
  const shapes = useMemo(() => (outlines === null ? NO_SHAPES : areaShapes(outlines)), [outlines]);
  const areas = useMemo(() => ({ layer, outlines, shapes }), [layer, outlines, shapes]);
  return <AreasContext.Provider value={areas}>{children}</AreasContext.Provider>;
}

/** Codes of the primary layer's areas that the filter names, and the switch for one. */
export function useChosenAreas(): {
  readonly chosen: readonly string[];
  readonly toggle: (code: string) => void;
} {
  const { layer } = useAreas();
  const { view, setFilter } = useView();
  const { filter } = view;
  const name = layer?.name ?? null;
  const chosen = useMemo(
    () => filter.areas.filter((area) => area.layer === name).map(({ code }) => code),
    [filter.areas, name],
  );
  const toggle = useCallback(
    (code: string) => name !== null && setFilter(toggleArea(filter, { layer: name, code })),
    [name, filter, setFilter],
  );
  return { chosen, toggle };
}

/** Names a key of a dimension: a category, or an area of a layer. */
export function useNames(): (dimension: string, key: string) => string {
  const { layers } = useMeta();
  return useCallback(
    (dimension, key) => (dimension === "category" ? titleCase(key) : areaName(layers, dimension, key)),
    [layers],
  );
}
