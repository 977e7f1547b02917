/** The period: named ones, counted back from the data's clock, or two civil times of which the second is excluded. */
import { lastMs } from "../../model/moment";
import { civilText } from "../../model/civil";
import { PRESETS } from "../../model/period";
import { useMeta } from "../../state/live";
import { useView } from "../../state/view";

export function PeriodFields() {
  const { view, setFilter: onFilter } = useView();
  const { data_as_of: dataAsOf } = useMeta();
  const { filter, at } = view;
  /** Named periods count back from the moment that is shown. */
  const last = dataAsOf === null ? null : lastMs(at, dataAsOf);
  const preset =
    last === null || filter.to !== null
      ? undefined
      : PRESETS.find(({ start }) => civilText(start(last)) === filter.from);
  const all = filter.from === null && filter.to === null;
  const choose = (id: string) => {
    if (id === "all") onFilter({ ...filter, from: null, to: null });
    const chosen = PRESETS.find((each) => each.id === id);
    if (chosen === undefined || last === null) return;
    onFilter({ ...filter, from: civilText(chosen.start(last)), to: null });
  };
  return (
    <>
      <label class="field">
        <span>Period</span>
        <select
          value={all ? "all" : (preset?.id ?? "own")}
          data-testid="filter-period"
          onChange={({ currentTarget }) => choose(currentTarget.value)}
        >
          <option value="all">All time</option>
          {PRESETS.map(({ id, label }) => (
            <option key={id} value={id} disabled={last === null}>
              {label}
            </option>
          ))}
          <option value="own" disabled>
            Own dates
          </option>
        </select>
      </label>
      <DateField
        label="From"
        testId="filter-from"
        value={filter.from}
        onChange={(from) => onFilter({ ...filter, from })}
      />
      <DateField
        label="Before"
        testId="filter-to"
        value={filter.to}
        onChange={(to) => onFilter({ ...filter, to })}
      />
    </>
  );
}

interface DateFieldProps {
  readonly label: string;
  readonly testId: string;
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
}

function DateField({ label, testId, value, onChange }: DateFieldProps) {
  // Brushing hours gives a time of day; a plain date field would hide it.
  const type = value !== null && value.length > 10 ? "datetime-local" : "date";
  return (
    <label class="field">
      <span>{label}</span>
      <input
        type={type}
        value={value ?? ""}
        data-testid={testId}
        onChange={({ currentTarget }) => onChange(currentTarget.value === "" ? null : currentTarget.value)}
      />
    </label>
  );
}
