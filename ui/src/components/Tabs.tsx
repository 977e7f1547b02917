/** Tabs: arrow keys move between them, one is in the tab order. Their panels have the ids `NAME-VALUE`. */
import { useRef } from "preact/hooks";

interface Props<T extends string> {
  readonly label: string;
  readonly name: string;
  readonly value: T;
  readonly tabs: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
}

export function Tabs<T extends string>({ label, name, value, tabs, onChange }: Props<T>) {
  const row = useRef<HTMLDivElement>(null);
  const go = (to: T) => {
    onChange(to);
    row.current?.querySelector<HTMLElement>(`#${name}-tab-${to}`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const here = tabs.findIndex((tab) => tab.value === value);
    const steps: Record<string, number> = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = steps[event.key];
    const tab = next === undefined ? undefined : tabs[(next + tabs.length) % tabs.length];
    if (tab === undefined) return;
    event.preventDefault();
    go(tab.value);
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={row} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab.value}
          type="button"
          role="tab"
          id={`${name}-tab-${tab.value}`}
          data-testid={`tab-${tab.value}`}
          aria-selected={tab.value === value}
          aria-controls={`${name}-${tab.value}`}
          tabIndex={tab.value === value ? 0 : -1}
          onClick={() => onChange(tab.value)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
