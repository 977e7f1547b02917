/** The areas that the list finds beyond their usual variation, for the map to mark. */
import { useEffect, useState } from "preact/hooks";

type Areas = readonly string[];

const NONE: Areas = [];
let areas = NONE;
const listeners = new Set<(areas: Areas) => void>();

function tell(next: Areas): void {
  if (next.join("\n") === areas.join("\n")) return;
  areas = next;
  for (const listener of listeners) listener(areas);
}

/** Marks these codes while the list that names them is on the page. */
export function useMarkedAreas(codes: Areas): void {
  useEffect(() => tell(codes), [codes]);
  useEffect(() => () => tell(NONE), []);
}

export function usePeakingAreas(): Areas {
  const [all, setAll] = useState(areas);
  useEffect(() => {
    setAll(areas);
    listeners.add(setAll);
    return () => {
      listeners.delete(setAll);
    };
  }, []);
  return all;
}
