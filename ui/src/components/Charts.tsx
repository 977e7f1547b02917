/** The chart below the map. */
import { useView } from "../state/view";
import { Compare } from "./compare/Compare";
import { HoursPanel } from "./hours/HoursPanel";
import { SeriesPanel } from "./series/SeriesPanel";

export function Charts() {
  const { chart, compare } = useView().view;
  if (compare !== null) return <Compare compare={compare} />;
  return chart === "hours" ? <HoursPanel /> : <SeriesPanel />;
}
