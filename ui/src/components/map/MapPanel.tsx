/** The map with its legend; the map's code is fetched apart, so that the rest of the page need not wait for it. */
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useAsked } from "../../state/asked";
import { useDrawn } from "../../state/drawn";
import { useFrame } from "../../state/frame";
import type { CityMapProps } from "./CityMap";
import { Legend } from "./Legend";
import { MapNotice } from "./MapNotice";

export function MapPanel() {
  const { element, camera } = useFrame();
  const { drawing, outdated, path, error, isEmptyPeriod } = useDrawn();
  const CityMap = useCityMap();
  useAsked("Map, legend and its table", path);
  const isAnswered = isEmptyPeriod || (error !== null && drawing === null);
  const isReady = isAnswered && CityMap !== null;
  useEffect(() => {
    if (isReady) announceReady();
  }, [isReady]);
  const loading = (outdated || drawing === null) && !isAnswered;
  return (
    <div class="map-panel">
      <div class="map-frame" ref={element} data-testid="map" aria-busy={loading}>
        {CityMap === null || camera === null ? (
          <p class="map-wait">Drawing the map…</p>
        ) : CityMap === "failed" ? (
          <p class="map-wait">The map could not be loaded. The tables below hold the same figures.</p>
        ) : (
          <CityMap camera={camera} onDrawn={announceReady} />
        )}
        {loading && <div class="progress" role="presentation" />}
        <MapNotice />
      </div>
      <Legend />
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
