/** The map with its legend; the map's code is fetched apart, so that the rest of the page need not wait for it. */
import type { FunctionComponent, RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { CountClass } from "../../model/classes";
import type { Camera } from "../../model/view";
import type { CityMapProps } from "./CityMap";
import { Legend } from "./Legend";

export interface MapPanelProps extends Omit<CityMapProps, "onDrawn" | "camera"> {
  /** Measured by the page, whose first camera depends on it. */
  readonly frame: RefObject<HTMLDivElement | null>;
  readonly camera: Camera | null;
  readonly hasCells: boolean;
  readonly loading: boolean;
  readonly period: string;
  readonly matching: number;
  readonly unmapped: number;
  readonly chosenResolution: number | null;
  readonly onChooseResolution: (resolution: number | null) => void;
  /** A sentence over the map instead of a blank: why nothing is drawn. */
  readonly notice: string | null;
}

const NO_CLASSES: readonly CountClass[] = [];

export function MapPanel(props: MapPanelProps) {
  const { frame, camera, hasCells, loading, period, matching, unmapped, notice, ...others } = props;
  const { chosenResolution, onChooseResolution, ...map } = others;
  const CityMap = useCityMap();
  return (
    <div class="map-panel">
      <div class="map-frame" ref={frame} data-testid="map" aria-busy={loading}>
        {CityMap === null || camera === null ? (
          <p class="map-wait">Drawing the map…</p>
        ) : CityMap === "failed" ? (
          <p class="map-wait">The map could not be loaded. The tables below hold the same figures.</p>
        ) : (
          <CityMap {...map} camera={camera} onDrawn={() => hasCells && announceReady()} />
        )}
        {loading && <div class="progress" role="presentation" />}
        {notice !== null && <p class="map-notice">{notice}</p>}
      </div>
      <Legend
        classes={hasCells ? map.classes : NO_CLASSES}
        resolution={map.resolution}
        chosen={chosenResolution}
        period={period}
        matching={matching}
        unmapped={unmapped}
        theme={map.theme}
        onChoose={onChooseResolution}
      />
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
