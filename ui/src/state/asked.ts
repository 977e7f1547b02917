/** What the views on the page asked the API, for whoever wants to ask the same elsewhere. */
import { useEffect, useState } from "preact/hooks";

type Listener = () => void;

const asked = new Map<string, string>();
const listeners = new Set<Listener>();

function tell(): void {
  for (const listener of listeners) listener();
}

/** Notes a view's question while the view is on the page; null is none. */
export function useAsked(view: string, path: string | null): void {
  useEffect(() => {
    if (path === null) return;
    asked.set(view, path);
    tell();
    return () => {
      if (asked.get(view) === path) asked.delete(view);
      tell();
    };
  }, [view, path]);
}

export function useAllAsked(): readonly (readonly [view: string, path: string])[] {
  const [all, setAll] = useState(() => [...asked]);
  useEffect(() => {
    const listener = () => setAll([...asked]);
    listener();
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return all;
}
