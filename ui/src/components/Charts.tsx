/** The chart below the map. */
import { useView } from "../state/view";
import { HoursPanel } from "./hours/HoursPanel";
import { SeriesPanel } from "./series/SeriesPanel";

export function Charts() {
  return useView().view.chart === "hours" ? <HoursPanel /> : <SeriesPanel />;
}
