/** The map itself with what belongs to pointer and keyboard: crosshair, tooltip, zoom buttons, picking an area. */
import { latLngToCell } from "h3-js";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Outlines, Cell } from "../../api/types";
import { areaAt, type AreaShape } from "../../model/areas";
import { classOf, type CountClass } from "../../model/classes";
import { plural } from "../../model/format";
import type { Theme } from "../../model/ramp";
import { formatCamera, type Camera } from "../../model/view";
import { CanvasRenderer } from "./CanvasRenderer";
import { GlRenderer } from "./GlRenderer";
import { hasWebGl, type Place, type Renderer, type RendererEvents } from "./renderer";
import { Tooltip } from "./Tooltip";

export interface CityMapProps {
  readonly label: string;
  readonly camera: Camera;
  readonly theme: Theme;
  readonly resolution: number;
  readonly cells: readonly Cell[];
  readonly classes: readonly CountClass[];
  readonly boundaries: Outlines | null;
  readonly shapes: readonly AreaShape[];
  readonly selected: readonly string[];
  readonly onCamera: (camera: Camera, byReader: boolean) => void;
  readonly onPickArea: (code: string) => void;
  readonly onWholeCity: () => void;
  readonly onDrawn: () => void;
}

interface Pointer {
  readonly x: number;
  readonly y: number;
  readonly place: Place;
}

export default function CityMap(props: CityMapProps) {
  const { label, camera, theme, resolution, cells, classes, boundaries, shapes, selected } = props;
  const container = useRef<HTMLDivElement>(null);
  const renderer = useRef<Renderer | null>(null);
  const restsAt = useRef(formatCamera(camera));
  const [pointer, setPointer] = useState<Pointer | null>(null);
  const [hasKeyboard, setHasKeyboard] = useState(false);
  const [plain, setPlain] = useState(false);

  const pointTo = (position: { x: number; y: number } | null) => {
    const place = position === null ? null : (renderer.current?.placeAt(position.x, position.y) ?? null);
    setPointer(position === null || place === null ? null : { ...position, place });
  };
  const pointToCentre = () => {
    const box = container.current;
    if (box !== null) pointTo({ x: box.clientWidth / 2, y: box.clientHeight / 2 });
  };
  const pick = (place: Place) => {
    const area = areaAt(shapes, place.longitude, place.latitude);
    if (area !== null) props.onPickArea(area.code);
  };

  // The renderer outlives many renderings of this component and must always call the latest handlers.
  const events = useRef<RendererEvents | null>(null);
  events.current = {
    onCamera: (moved, byReader) => {
      restsAt.current = formatCamera(moved);
      props.onCamera(moved, byReader);
    },
    onMove: () => (hasKeyboard ? pointToCentre() : setPointer(null)),
    onPointer: pointTo,
    onPick: pick,
    onDrawn: props.onDrawn,
  };

  useEffect(() => {
    if (container.current === null) return;
    const webGl = hasWebGl();
    setPlain(!webGl);
    const options = {
      container: container.current,
      camera,
      label,
      events: {
        onCamera: (moved: Camera, byReader: boolean) => events.current?.onCamera(moved, byReader),
        onMove: () => events.current?.onMove(),
        onPointer: (position: { x: number; y: number } | null) => events.current?.onPointer(position),
        onPick: (place: Place) => events.current?.onPick(place),
        onDrawn: () => events.current?.onDrawn(),
      },
    };
    const mine = webGl ? new GlRenderer(options) : new CanvasRenderer(options);
    renderer.current = mine;
    return () => mine.destroy();
    // The first camera only: later ones are moves of the same map.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    if (formatCamera(camera) !== restsAt.current) renderer.current?.moveTo(camera);
  }, [camera]);

  const counts = useMemo(() => new Map(cells), [cells]);
  const pointedCell =
    pointer === null ? null : latLngToCell(pointer.place.latitude, pointer.place.longitude, resolution);

  useEffect(() => {
    renderer.current?.draw({ theme, cells, classes, boundaries, shapes, selected, pointedAt: pointedCell });
  }, [theme, cells, classes, boundaries, shapes, selected, pointedCell]);

  const count = pointedCell === null ? 0 : (counts.get(pointedCell) ?? 0);
  const area = pointer === null ? null : areaAt(shapes, pointer.place.longitude, pointer.place.latitude);
  const sentence = `${plural(count, "incident", "incidents")}${area === null ? "" : `, ${area.name}`}`;

  return (
    <div
      class="city-map"
      onFocusCapture={({ target }) => {
        if (!(target instanceof HTMLCanvasElement) || !target.matches(":focus-visible")) return;
        setHasKeyboard(true);
        pointToCentre();
      }}
      onBlurCapture={() => {
        setHasKeyboard(false);
        setPointer(null);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !hasKeyboard || pointer === null) return;
        event.preventDefault();
        pick(pointer.place);
      }}
    >
      <div class="city-map-canvas" ref={container} />
      {hasKeyboard && <div class="crosshair" aria-hidden="true" />}
      {pointer !== null && (
        <Tooltip
          x={pointer.x}
          y={pointer.y}
          count={count}
          classes={classes}
          classIndex={classOf(classes, count)}
          theme={theme}
          area={area?.name ?? null}
        />
      )}
      <div class="map-buttons">
        <button type="button" aria-label="Zoom in" onClick={() => renderer.current?.zoomBy(1)}>
          +
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => renderer.current?.zoomBy(-1)}>
          −
        </button>
        <button type="button" aria-label="Show the whole city" title="Whole city" onClick={props.onWholeCity}>
          ⌂
        </button>
      </div>
      <p class="visually-hidden" aria-live="polite">
        {hasKeyboard ? sentence : ""}
      </p>
      {plain && (
        <p class="map-note">This browser offers no WebGL: the map is drawn in a plainer and slower way.</p>
      )}
    </div>
  );
}
