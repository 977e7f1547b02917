/** Light or dark: the system's wish unless the reader chose. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Theme } from "../model/ramp";
import { provided, useProvided } from "./context";

export type ThemeChoice = "auto" | Theme;

const KEY = "blotter-theme";
const NEXT: Readonly<Record<ThemeChoice, ThemeChoice>> = { auto: "dark", dark: "light", light: "auto" };

export interface ThemeControl {
  readonly theme: Theme;
  readonly choice: ThemeChoice;
  readonly cycle: () => void;
}

const ThemeContext = provided<ThemeControl>();

export function useTheme(): ThemeControl {
  return useProvided(ThemeContext, "the theme");
}

export function ThemeProvider({ children }: { readonly children: ComponentChildren }) {
  return <ThemeContext.Provider value={useThemeChoice()}>{children}</ThemeContext.Provider>;
}

function useThemeChoice(): ThemeControl {
  const [choice, setChoice] = useState<ThemeChoice>(remembered);
  const [systemIsDark, setSystemIsDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const update = () => setSystemIsDark(query.matches);
    query.addEventListener("change", update);
    return () => query.removeEventListener("change", update);
  }, []);
  const theme = choice === "auto" ? (systemIsDark ? "dark" : "light") : choice;
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  return useMemo(
    () => ({
      theme,
      choice,
      cycle: () => {
        setChoice(NEXT[choice]);
        remember(NEXT[choice]);
      },
    }),
    [theme, choice],
  );
}

function remembered(): ThemeChoice {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "auto";
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
    return "auto";
  }
}

function remember(choice: ThemeChoice): void {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // See above.
  }
}
