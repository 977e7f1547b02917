/** What a search found, as a list to choose from: each says what it is and what choosing it does to the view. */
import type { Found } from "../api/types";
import { toggleArea, toggleCategory, type Filter } from "./filter";
import { formatCivil, plural, titleCase } from "./format";
import type { View } from "./view";

export interface Find {
  readonly id: string;
  readonly label: string;
  /** What kind of thing it is. */
  readonly hint: string;
  readonly change: (view: View) => Partial<View>;
}

const BLOCK_ZOOM = 15.5;
const INCIDENT_ZOOM = 16;

export function findsOf({ areas, categories, blocks, incidents }: Found): Find[] {
  return [
    ...areas.map(({ layer, title, code, name }) => ({
      id: `area ${layer}:${code}`,
      label: name,
      hint: title,
      change: ({ filter }: View) => ({ filter: withArea(filter, layer, code) }),
    })),
    ...categories.map((category) => ({
      id: `category ${category}`,
      label: titleCase(category),
      hint: "Category",
      change: ({ filter }: View) => ({
        filter: filter.categories.includes(category) ? filter : toggleCategory(filter, category),
      }),
    })),
    ...incidents.map(({ id, case_number, category, occurred_at, block, latitude, longitude }) => ({
      id: `incident ${id}`,
      label: `${case_number ?? id}: ${titleCase(category)}, ${formatCivil(occurred_at)}`,
      hint: block ?? "Incident",
      change: () => cameraAt(latitude, longitude, INCIDENT_ZOOM),
    })),
    ...blocks.map(({ block, incidents: count, latitude, longitude }) => ({
      id: `block ${block}`,
      label: block,
      hint: `Block, ${plural(count, "incident", "incidents")}`,
      change: () => cameraAt(latitude, longitude, BLOCK_ZOOM),
    })),
  ];
}

function withArea(filter: Filter, layer: string, code: string): Filter {
  const has = filter.areas.some((area) => area.layer === layer && area.code === code);
  return has ? filter : toggleArea(filter, { layer, code });
}

/** What has no place leaves the map where it is. */
function cameraAt(latitude: number | null, longitude: number | null, zoom: number): Partial<View> {
  return latitude === null || longitude === null ? {} : { camera: { zoom, latitude, longitude } };
}
