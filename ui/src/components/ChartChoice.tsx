/** What the chart below the map is of. */
import type { ChartName } from "../model/view";
import { useView } from "../state/view";
import { Choice } from "./Choice";

const CHARTS: readonly { readonly value: ChartName; readonly label: string }[] = [
  { value: "time", label: "Over time" },
  { value: "hours", label: "Hours of the week" },
];

export function ChartChoice() {
  const { view, look } = useView();
  return (
    <>
      <Choice
        label="Chart"
        name="chart"
        testId="chart-"
        value={view.chart}
        options={CHARTS}
        onChange={(chart) => look({ chart })}
      />
    </>
  );
}
