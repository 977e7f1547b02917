/** What is filtered, in words; each chip takes its part away. */
import type { AreaLayer } from "../../api/types";
import { feedPath } from "../../model/feed";
import { formatArea, toggleArea, toggleCategory, type Filter } from "../../model/filter";
import { hoursInWords } from "../../model/hours";
import { areaName, titleCase } from "../../model/format";
import { useAreas } from "../../state/areas";
import { useMeta } from "../../state/live";
import { useView } from "../../state/view";
import { FeedLink } from "../share/FeedLink";

interface Chip {
  readonly key: string;
  readonly label: string;
  readonly without: Filter;
}

export function FilterChips() {
  const { view, setFilter: onFilter } = useView();
  const chips = chipsOf(view.filter, useMeta().layers);
  const { layer } = useAreas();
  if (chips.length === 0) return null;
  const { areas, categories } = view.filter;
  const feed =
    layer === null || areas.length + categories.length === 0 ? null : feedPath(view.filter, layer.name);
  return (
    <div class="chips-row">
      <ul class="chips" aria-label="Filters in force">
        {chips.map(({ key, label, without }) => (
          <li key={key}>
            <button
              type="button"
              class="chip"
              aria-label={`Remove filter: ${label}`}
              onClick={() => onFilter(without)}
            >
              {label} <i aria-hidden="true">×</i>
            </button>
          </li>
        ))}
      </ul>
      {feed !== null && <FeedLink path={feed} label="Subscribe to episodes here" testId="filter-feed" />}
    </div>
  );
}

function chipsOf(filter: Filter, layers: readonly AreaLayer[]): Chip[] {
  const chips: Chip[] = filter.categories.map((category) => ({
    key: `category ${category}`,
    label: titleCase(category),
    without: toggleCategory(filter, category),
  }));
  for (const area of filter.areas) {
    const label = areaName(layers, area.layer, area.code);
    chips.push({ key: formatArea(area), label, without: toggleArea(filter, area) });
  }
  if (filter.hours !== null) {
    chips.push({ key: "hours", label: hoursInWords(filter.hours), without: { ...filter, hours: null } });
  }
  if (filter.bbox !== null) {
    chips.push({ key: "bbox", label: "Part of the map", without: { ...filter, bbox: null } });
  }
  return chips;
}
