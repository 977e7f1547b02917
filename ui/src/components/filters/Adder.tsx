/** A list to pick several things from, one after another; what is picked shows as chips. */

interface Props {
  readonly label: string;
  readonly testId: string;
  /** What holds while nothing is picked. */
  readonly all: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly chosen: readonly string[];
  readonly onToggle: (value: string) => void;
}

export function Adder({ label, testId, all, options, chosen, onToggle }: Props) {
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value=""
        data-testid={testId}
        onChange={({ currentTarget }) => {
          if (currentTarget.value !== "") onToggle(currentTarget.value);
          // The list shows what is picked in total, not the last pick.
          currentTarget.value = "";
        }}
      >
        <option value="">{chosen.length === 0 ? all : `${chosen.length} chosen`}</option>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {chosen.includes(option.value) ? `✓ ${option.label}` : option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
