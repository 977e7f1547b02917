/** A few alternatives of which one holds, as a row of buttons: a radio group to the keyboard and to assistive tools. */

interface Props<T extends string> {
  readonly label: string;
  readonly name: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string; readonly hint?: string }[];
  readonly onChange: (value: T) => void;
  /** Test ids of the options are this and the value. */
  readonly testId?: string;
}

export function Choice<T extends string>({ label, name, value, options, onChange, testId }: Props<T>) {
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} class={option.value === value ? "chosen" : ""} title={option.hint}>
          <input
            type="radio"
            name={name}
            checked={option.value === value}
            data-testid={testId === undefined ? undefined : `${testId}${option.value}`}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
