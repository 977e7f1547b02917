/** The map with its legend; the map's code is fetched apart, so that the rest of the page need not wait for it. */
import type { ComponentChildren, FunctionComponent, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useAsked } from "../../state/asked";
import { useDrawn, useIsOutdated } from "../../state/drawn";
import { useFrame } from "../../state/frame";
import { useLate } from "../../state/late";
import type { CityMapProps } from "./CityMap";
import { Legend } from "./Legend";
import { MapNotice } from "./MapNotice";

export function MapPanel() {
  const { element, camera } = useFrame();
  const { drawing, path, error, isEmptyPeriod } = useDrawn();
  const CityMap = useCityMap();
  useAsked("Map, legend and its table", path);
  const isAnswered = isEmptyPeriod || (error !== null && drawing === null);
  const isReady = isAnswered && CityMap !== null;
  useEffect(() => {
    if (isReady) announceReady();
  }, [isReady]);
  return (
    <div class="map-panel">
      <MapFrame element={element} isAnswered={isAnswered} isDrawn={drawing !== null}>
        {CityMap === null || camera === null ? (
          <p class="map-wait">Drawing the map…</p>
        ) : CityMap === "failed" ? (
          <p class="map-wait">The map could not be loaded. The tables below hold the same figures.</p>
        ) : (
          <CityMap camera={camera} onDrawn={announceReady} />
        )}
        <MapNotice />
      </MapFrame>
      <Legend />
    </div>
  );
}

interface MapFrameProps {
  readonly element: RefObject<HTMLDivElement | null>;
  readonly isAnswered: boolean;
  readonly isDrawn: boolean;
  readonly children: ComponentChildren;
}

/** An answer that comes sooner has no bar run for it. */
const SLOW_MS = 150;

/** Shows that the map waits for an answer. Apart, because while somebody drags it changes with every step. */
function MapFrame({ element, isAnswered, isDrawn, children }: MapFrameProps) {
  const isOutdated = useIsOutdated();
  const loading = (isOutdated || !isDrawn) && !isAnswered;
  const isSlow = useLate(loading, SLOW_MS);
  return (
    <div class="map-frame" ref={element} data-testid="map" aria-busy={loading}>
      {children}
      {isSlow && <div class="progress" role="presentation" />}
    </div>
  );
}

type Loaded = FunctionComponent<CityMapProps> | "failed" | null;

function useCityMap(): Loaded {
  const [loaded, setLoaded] = useState<Loaded>(null);
  useEffect(() => {
    import("./CityMap").then(
      (module) => setLoaded(() => module.default),
      () => setLoaded("failed"),
    );
  }, []);
  return loaded;
}

/** Tests and screenshots wait for this mark: the map is drawn, or the page says why it is not. */
function announceReady(): void {
  document.documentElement.dataset.ready = "true";
}
