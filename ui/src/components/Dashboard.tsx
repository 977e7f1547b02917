/** The linked views: one filter and one moment in the address, and each view asks for what it draws. */
import type { ComponentChildren } from "preact";
import type { Meta } from "../api/types";
import { AreasProvider } from "../state/areas";
import { DrawnProvider } from "../state/drawn";
import { FrameProvider } from "../state/frame";
import { MetaProvider, useMeta } from "../state/live";
import { formatView } from "../model/view";
import { useView } from "../state/view";
import { Charts } from "./Charts";
import { FilterBar } from "./filters/FilterBar";
import { Lists } from "./Lists";
import { MapPanel } from "./map/MapPanel";
import { MapTools } from "./map/MapTools";
import { TablePanel } from "./tables/TablePanel";
import { Total } from "./Total";

interface Props {
  /** What stands above, on the first screen with map, list and chart. */
  readonly head: ComponentChildren;
  readonly meta: Meta;
}

export function Dashboard({ head, meta }: Props) {
  const isEmbedded = useView().view.embed;
  return (
    <MetaProvider meta={meta}>
      <AreasProvider>
        <FrameProvider>
          <DrawnProvider>{isEmbedded ? <Embedded /> : <Whole head={head} />}</DrawnProvider>
        </FrameProvider>
      </AreasProvider>
    </MetaProvider>
  );
}

/** For another page's frame: the map, its legend, and the way here. */
function Embedded() {
  const { view } = useView();
  return (
    <main class="embedded">
      <h1 class="visually-hidden">Map of {useMeta().profile.name}</h1>
      <MapPanel />
      <p class="embedded-link">
        <a href={`/?${formatView({ ...view, embed: false })}`} target="_blank" rel="noreferrer">
          Open in Blotter
        </a>
      </p>
    </main>
  );
}

function Whole({ head }: { readonly head: ComponentChildren }) {
  return (
    <>
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
          <Charts />
        </main>
      </div>
      <TablePanel />
    </>
  );
}
