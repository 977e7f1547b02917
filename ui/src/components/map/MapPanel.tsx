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
  const { drawing, outdated, path } = useDrawn();
  const CityMap = useCityMap();
  useAsked("Map, legend and its table", path);
  const loading = outdated || drawing === null;
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

/** Tests and screenshots wait for this mark. */
function announceReady(): void {
  document.documentElement.dataset.ready = "true";
}
