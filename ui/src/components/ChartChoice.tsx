/** What the chart below the map is of. */
import type { ChartName } from "../model/view";
import { useView } from "../state/view";
import { Choice } from "./Choice";

type Shown = ChartName | "compare";

const CHARTS: readonly { readonly value: Shown; readonly label: string }[] = [
  { value: "time", label: "Over time" },
  { value: "hours", label: "Hours of the week" },
  { value: "compare", label: "Compare" },
];

export function ChartChoice() {
  const { view, look } = useView();
  return (
    <>
      <Choice
        label="Chart"
        name="chart"
        testId="chart-"
        value={view.compare === null ? view.chart : "compare"}
        options={CHARTS}
        onChange={(chart) => look(chart === "compare" ? { compare: "before" } : { chart, compare: null })}
      />
    </>
  );
}
