/** What is compared with what is filtered. */
import { formatArea } from "../../model/filter";
import { parseCompare, type Compare } from "../../model/compare";
import { useAreas, useChosenAreas } from "../../state/areas";
import { useView } from "../../state/view";

export function CompareWith({ compare }: { readonly compare: Compare }) {
  const { look } = useView();
  const { layer } = useAreas();
  const { chosen } = useChosenAreas();
  const areas = (layer?.areas ?? [])
    .filter(({ code }) => chosen.length !== 1 || code !== chosen[0])
    .toSorted((x, y) => x.name.localeCompare(y.name, "en", { numeric: true }));
  return (
    <label class="inline-field">
      Compare with
      <select
        data-testid="compare-with"
        value={compare}
        onChange={({ currentTarget: { value } }) => look({ compare: parseCompare(value) ?? "before" })}
      >
        <optgroup label="Periods">
          <option value="before">the period before</option>
          <option value="year">the same days a year before</option>
        </optgroup>
        {layer !== null && (
          <optgroup label={layer.title}>
            <option value="city" disabled={chosen.length === 0 && compare !== "city"}>
              the whole city
            </option>
            {areas.map(({ code, name }) => (
              <option key={code} value={formatArea({ layer: layer.name, code })}>
                {name}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </label>
  );
}
