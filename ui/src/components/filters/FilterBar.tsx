/** The controls that make up the filter. Each writes into the one filter state and reads from it. */
import { useState } from "preact/hooks";
import { isUnfiltered, NO_FILTER, toggleCategory } from "../../model/filter";
import { titleCase } from "../../model/format";
import { boundsOfCamera } from "../../model/projection";
import { useAreas, useChosenAreas } from "../../state/areas";
import { useFrame } from "../../state/frame";
import { useMeta } from "../../state/live";
import { useView } from "../../state/view";
import { Adder } from "./Adder";
import { FilterChips } from "./FilterChips";
import { PeriodFields } from "./PeriodFields";

export function FilterBar() {
  const { view, setFilter: onFilter } = useView();
  const { categories } = useMeta();
  const { layer } = useAreas();
  const { chosen, toggle } = useChosenAreas();
  const { camera, size } = useFrame();
  const { filter } = view;
  // On a phone the fields would fill the first screen; there they wait behind a button.
  const [open, setOpen] = useState(false);
  return (
    <form
      class={open ? "filter-bar open" : "filter-bar"}
      aria-label="Filters"
      onSubmit={(event) => event.preventDefault()}
    >
      <button type="button" class="filter-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? "Hide filters" : "Filters"}
      </button>
      <div class="filter-fields">
        <PeriodFields />
        <Adder
          label="Category"
          testId="filter-category"
          all="All categories"
          options={categories.map((category) => ({ value: category, label: titleCase(category) }))}
          chosen={filter.categories}
          onToggle={(category) => onFilter(toggleCategory(filter, category))}
        />
        {layer !== null && (
          <Adder
            label={layer.title}
            testId="filter-area"
            all="Whole city"
            options={layer.areas
              .map(({ code, name }) => ({ value: code, label: name }))
              .toSorted((a, b) => a.label.localeCompare(b.label, "en", { numeric: true }))}
            chosen={chosen}
            onToggle={toggle}
          />
        )}
        <YesNo label="Arrest" value={filter.arrest} onChange={(arrest) => onFilter({ ...filter, arrest })} />
        <YesNo
          label="Domestic"
          value={filter.domestic}
          onChange={(domestic) => onFilter({ ...filter, domestic })}
        />
        <div class="filter-actions">
          <button
            type="button"
            onClick={() => {
              if (camera === null || size === null) return;
              onFilter({ ...filter, bbox: boundsOfCamera(camera, size.width, size.height) });
            }}
            title="Count only what lies in the part of the map in view"
          >
            Only this view
          </button>
          <button type="button" disabled={isUnfiltered(filter)} onClick={() => onFilter(NO_FILTER)}>
            Clear all
          </button>
        </div>
      </div>
      <FilterChips />
    </form>
  );
}

interface YesNoProps {
  readonly label: string;
  readonly value: boolean | null;
  readonly onChange: (value: boolean | null) => void;
}

function YesNo({ label, value, onChange }: YesNoProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value === null ? "" : String(value)}
        data-testid={`filter-${label.toLowerCase()}`}
        onChange={({ currentTarget }) =>
          onChange(currentTarget.value === "" ? null : currentTarget.value === "true")
        }
      >
        <option value="">any</option>
        <option value="true">yes</option>
        <option value="false">no</option>
      </select>
    </label>
  );
}
