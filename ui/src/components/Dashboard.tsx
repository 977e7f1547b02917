/** The linked views: one filter and one moment in the address, and each view asks for what it draws. */
import type { ComponentChildren } from "preact";
import type { Meta } from "../api/types";
import { AreasProvider } from "../state/areas";
import { DrawnProvider } from "../state/drawn";
import { FrameProvider } from "../state/frame";
import { MetaProvider } from "../state/live";
import { FilterBar } from "./filters/FilterBar";
import { Lists } from "./Lists";
import { MapPanel } from "./map/MapPanel";
import { MapTools } from "./map/MapTools";
import { SeriesPanel } from "./series/SeriesPanel";
import { TablePanel } from "./tables/TablePanel";
import { Total } from "./Total";

interface Props {
  /** What stands above, on the first screen with map, list and chart. */
  readonly head: ComponentChildren;
  readonly meta: Meta;
}

export function Dashboard({ head, meta }: Props) {
  return (
    <MetaProvider meta={meta}>
      <AreasProvider>
        <FrameProvider>
          <DrawnProvider>
            <div class="first-screen">
              {head}
              <section class="controls" aria-label="Total and filters">
                <Total />
                <FilterBar />
              </section>
              <main class="views">
                <MapTools />
                <MapPanel />
                <Lists />
                <SeriesPanel />
              </main>
            </div>
            <TablePanel />
          </DrawnProvider>
        </FrameProvider>
      </AreasProvider>
    </MetaProvider>
  );
}
