/** What stands beside the map: what is peaking, or where most incidents are. Both are there; one is shown. */
import type { ListName } from "../model/view";
import { useAreas } from "../state/areas";
import { useView } from "../state/view";
import { Peaking } from "./peaks/Peaking";
import { Ranking } from "./Ranking";
import { Tabs } from "./Tabs";

const TABS: readonly { readonly value: ListName; readonly label: string }[] = [
  { value: "peaks", label: "Peaking now" },
  { value: "ranked", label: "Most incidents" },
];

export function Lists() {
  const { view, look } = useView();
  const { layer } = useAreas();
  // Peaks are of areas: without any, there is one list.
  const shown = layer === null ? "ranked" : view.list;
  return (
    <div id="lists" class="panel lists" tabIndex={-1}>
      <div class="lists-head">
        <Tabs
          label="Lists"
          name="list"
          value={shown}
          tabs={TABS.filter(({ value }) => layer !== null || value === "ranked")}
          onChange={(list) => look({ list })}
        />
        <a href={view.at === null ? "/brief" : `/brief?at=${view.at}`} data-testid="brief-link">
          Weekly brief
        </a>
      </div>
      <div
        id="list-peaks"
        class="tab-panel"
        role="tabpanel"
        aria-labelledby="list-tab-peaks"
        hidden={shown !== "peaks"}
      >
        {layer !== null && <Peaking isShown={shown === "peaks"} layer={layer} />}
      </div>
      <div
        id="list-ranked"
        class="tab-panel"
        role="tabpanel"
        aria-labelledby="list-tab-ranked"
        hidden={shown !== "ranked"}
      >
        <Ranking isShown={shown === "ranked"} />
      </div>
    </div>
  );
}
