/** From a layer's answer to its drawing, and the question that a layer asks. */
import type { AreaLayer, Cells, Change, Density, Emerging, Hotspots, Peaks } from "../../api/types";
import { addDays, addMonths, civilMs, civilText, dayStart } from "../civil";
import { filterParams, type Filter } from "../filter";
import { newestHour, type Extent } from "../moment";
import type { Compared, View, WindowHours } from "../view";
import { drawChange } from "./change";
import { drawCount } from "./count";
import { drawDensity } from "./density";
import type { Drawing } from "./drawing";
import { drawEmerging } from "./emerging";
import { drawHotspots } from "./hotspots";
import { drawPeaks } from "./peaks";

export type LayerAnswer =
  | { readonly layer: "count"; readonly data: Cells }
  | { readonly layer: "density"; readonly data: Density }
  | { readonly layer: "hotspots"; readonly data: Hotspots }
  | { readonly layer: "emerging"; readonly data: Emerging }
  | { readonly layer: "change"; readonly data: Change }
  | {
      readonly layer: "peaks";
      readonly data: Peaks;
      readonly areas: AreaLayer;
      readonly window: WindowHours | null;
    };

/** Layers that can be chosen, in the order of the switch. */
export const OFFERED = ["count", "density", "hotspots", "emerging", "change", "peaks"] as const;
export type Offered = (typeof OFFERED)[number];

export const LAYER_TITLES: Readonly<Record<Offered, string>> = {
  count: "Count",
  density: "Density",
  hotspots: "Hot spots",
  emerging: "Emerging",
  change: "Change",
  peaks: "Peaks",
};

export function offered(layer: View["layer"]): Offered {
  return OFFERED.find((each) => each === layer) ?? "count";
}

export function draw(answer: LayerAnswer): Drawing {
  switch (answer.layer) {
    case "count":
      return drawCount(answer.data);
    case "density":
      return drawDensity(answer.data);
    case "hotspots":
      return drawHotspots(answer.data);
    case "emerging":
      return drawEmerging(answer.data);
    case "change":
      return drawChange(answer.data);
    case "peaks":
      return drawPeaks(answer.data, answer.areas, answer.window);
  }
}

/** More of a window's peaks than can be beyond the usual variation by any chance. */
const PEAKS_LIMIT = 500;

/** `query`: the filter's parameters. */
export function resourceOf(layer: Offered, resolution: number): string {
  switch (layer) {
    case "count":
      return `cells?resolution=${resolution}`;
    case "density":
      return "density";
    case "hotspots":
      return `hotspots?resolution=${resolution}`;
    case "emerging":
      return `emerging?resolution=${resolution}`;
    case "change":
      return `change?resolution=${resolution}`;
    case "peaks":
      return `peaks?limit=${PEAKS_LIMIT}`;
  }
}

/**
 * The filter with both ends given, which is what makes a density one per year. An end beyond which incidents lie far
 * from all others stays open: they count.
 */
export function closed(filter: Filter, { earliest, latest }: Extent, isOutlying: boolean): Filter {
  if (earliest === null || latest === null || isOutlying) return filter;
  return {
    ...filter,
    from: filter.from ?? civilText(dayStart(civilMs(earliest))),
    to: filter.to ?? civilText(addDays(dayStart(civilMs(latest)), 1)),
  };
}

const CHANGE_DAYS = 28;

/** A change needs a period: without a beginning, the last four weeks before its end. */
export function changePeriod(filter: Filter, { latest }: Extent): Filter {
  if (latest === null) return filter;
  const to = filter.to ?? civilText(civilMs(newestHour(latest)));
  return { ...filter, to, from: filter.from ?? civilText(addDays(civilMs(to), -CHANGE_DAYS)) };
}

/** The parameters of a change: its period, and the other one where that is not the one just before. */
export function changeParams(filter: Filter, compared: Compared): string {
  const params = filterParams(filter);
  if (compared === "year" && filter.from !== null && filter.to !== null) {
    params.set("before_from", civilText(addMonths(civilMs(filter.from), -12)));
    params.set("before_to", civilText(addMonths(civilMs(filter.to), -12)));
  }
  return params.toString();
}

/** What `/api/v1/peaks` takes of a view: a moment, areas of the primary layer and categories. */
export function peaksParams(view: View, layer: string): string {
  const { categories, areas } = view.filter;
  const params = filterParams({
    from: null,
    to: null,
    categories,
    areas: areas.filter((area) => area.layer === layer),
    arrest: null,
    domestic: null,
    bbox: null,
    hours: null,
  });
  if (view.at !== null) params.set("at", view.at);
  if (view.as !== "known") params.set("as", view.as);
  return params.toString();
}
