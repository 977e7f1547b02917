/** The feed of episodes that a filter is about: of its areas that peaks are of, and its categories. */
import { filterParams, NO_FILTER, type Filter } from "./filter";

export function feedPath({ areas, categories }: Pick<Filter, "areas" | "categories">, layer: string): string {
  const of = areas.filter((area) => area.layer === layer);
  const params = filterParams({ ...NO_FILTER, categories, areas: of }).toString();
  return params === "" ? "/feeds/peaks.atom" : `/feeds/peaks.atom?${params.replaceAll("%3A", ":")}`;
}
