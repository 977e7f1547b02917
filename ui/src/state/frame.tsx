/** The map's frame: its size, and the camera and resolution that follow from it where the address names none. */
import type { ComponentChildren, RefObject } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Drawing } from "../model/layers/drawing";
import { fitCamera } from "../model/projection";
import { resolutionForZoom } from "../model/resolution";
import type { Camera } from "../model/view";
import { provided, useProvided } from "./context";
import { useMeta } from "./live";
import { useSize, type Size } from "./size";
import { useView } from "./view";

export interface Frame {
  readonly element: RefObject<HTMLDivElement | null>;
  /** Both are null until the frame has been laid out. */
  readonly size: Size | null;
  readonly camera: Camera | null;
  /** H3 resolution of the hexagons, chosen or by the zoom. */
  readonly resolution: number | null;
  /** Takes a picture of the map; null until the map is there. */
  readonly picture: RefObject<(() => Promise<HTMLCanvasElement>) | null>;
  /** Draws on the map before anything else on the page is drawn anew; null until the map is there. */
  readonly show: RefObject<Show | null>;
}

/** `until`: what the map's next frame waits for, so that the views that belong together change in one. */
export type Show = (drawing: Drawing | null, until?: Promise<void>) => void;

const MAP_MARGIN_PX = 14;

const FrameContext = provided<Frame>();

export function useFrame(): Frame {
  return useProvided(FrameContext, "the map's frame");
}

export function FrameProvider({ children }: { readonly children: ComponentChildren }) {
  const { bounding_box } = useMeta().profile;
  const { view } = useView();
  const element = useRef<HTMLDivElement>(null);
  const picture = useRef<(() => Promise<HTMLCanvasElement>) | null>(null);
  const show = useRef<Show | null>(null);
  const size = useSize(element);
  const [west, south, east, north] = bounding_box;
  const whole = useMemo(
    () =>
      size === null ? null : fitCamera([west, south, east, north], size.width, size.height, MAP_MARGIN_PX),
    [west, south, east, north, size],
  );
  const camera = view.camera ?? whole;
  const resolution =
    view.resolution ?? (camera === null ? null : resolutionForZoom(camera.zoom, camera.latitude));
  const frame = useMemo(
    () => ({ element, size, camera, resolution, picture, show }),
    [size, camera, resolution],
  );
  return <FrameContext.Provider value={frame}>{children}</FrameContext.Provider>;
}
