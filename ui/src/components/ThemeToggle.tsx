/** Goes round system, dark and light. */
import { useTheme, type ThemeChoice } from "../state/theme";

const LABELS: Readonly<Record<ThemeChoice, { readonly sign: string; readonly text: string }>> = {
  auto: { sign: "◐", text: "Auto" },
  dark: { sign: "☾", text: "Dark" },
  light: { sign: "☀", text: "Light" },
};

export function ThemeToggle() {
  const control = useTheme();
  const { sign, text } = LABELS[control.choice];
  return (
    <button
      type="button"
      class="theme-toggle quiet"
      data-testid="theme-toggle"
      aria-label={`Theme: ${text}`}
      title="Theme: as the system, dark, light"
      onClick={control.cycle}
    >
      <i aria-hidden="true">{sign}</i> <span>{text}</span>
    </button>
  );
}
