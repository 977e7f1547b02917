/** The map itself with what belongs to pointer and keyboard: crosshair, tooltip, zoom buttons, picking an area. */
import { latLngToCell } from "h3-js";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { areaAt } from "../../model/areas";
import { gridIndexAt } from "../../model/layers/density";
import type { Drawing } from "../../model/layers/drawing";
import { formatCamera, type Camera } from "../../model/view";
import { useAreas, useChosenAreas } from "../../state/areas";
import { useDrawn } from "../../state/drawn";
import { useEscape } from "../../state/escape";
import { useFrame } from "../../state/frame";
import { useFreshCells } from "../../state/fresh";
import { useMeta } from "../../state/live";
import { usePeakingAreas } from "../../state/peaking";
import { useTheme } from "../../state/theme";
import { useView } from "../../state/view";
import { Attribution } from "./Attribution";
import { CanvasRenderer } from "./CanvasRenderer";
import { GlRenderer } from "./GlRenderer";
import { hasWebGl, type Place, type Renderer, type RendererEvents, type Scene } from "./renderer";
import { Tooltip } from "./Tooltip";

export interface CityMapProps {
  readonly camera: Camera;
  /** A drawing is on the screen. */
  readonly onDrawn: () => void;
}

/** As the view moves. */
const DIRECTIONS = [
  { name: "north", sign: "▴", right: 0, down: -1 },
  { name: "west", sign: "◂", right: -1, down: 0 },
  { name: "east", sign: "▸", right: 1, down: 0 },
  { name: "south", sign: "▾", right: 0, down: 1 },
] as const;

interface Pointer {
  readonly x: number;
  readonly y: number;
  /** Of the map, when the pointer was there. */
  readonly width: number;
  readonly place: Place;
}

export default function CityMap({ camera, onDrawn }: CityMapProps) {
  const { profile, basemap } = useMeta();
  const { name } = profile;
  const { view, look } = useView();
  const { theme } = useTheme();
  const { drawing } = useDrawn();
  const { outlines, shapes } = useAreas();
  const { chosen, toggle } = useChosenAreas();
  const explained = view.peak?.area.code ?? null;
  const selected = useMemo(() => (explained === null ? chosen : [...chosen, explained]), [chosen, explained]);
  const peaking = usePeakingAreas();
  const { picture, show } = useFrame();
  const fresh = useFreshCells();
  const container = useRef<HTMLDivElement>(null);
  const renderer = useRef<Renderer | null>(null);
  const scene = useRef<Scene | null>(null);
  const restsAt = useRef(formatCamera(camera));
  const [pointer, setPointer] = useState<Pointer | null>(null);
  const [hasKeyboard, setHasKeyboard] = useState(false);
  const [plain, setPlain] = useState(false);

  const pointTo = (position: { x: number; y: number } | null) => {
    const place = position === null ? null : (renderer.current?.placeAt(position.x, position.y) ?? null);
    const width = container.current?.clientWidth ?? 0;
    setPointer(position === null || place === null ? null : { x: position.x, y: position.y, width, place });
  };
  const pointToCentre = () => {
    const box = container.current;
    if (box !== null) pointTo({ x: box.clientWidth / 2, y: box.clientHeight / 2 });
  };
  const pick = (place: Place) => {
    const area = areaAt(shapes, place.longitude, place.latitude);
    if (area !== null) toggle(area.code);
  };

  // The renderer outlives many renderings of this component and must always call the latest handlers.
  const events = useRef<RendererEvents | null>(null);
  events.current = {
    onCamera: (moved, byReader) => {
      restsAt.current = formatCamera(moved);
      if (byReader) look({ camera: moved });
    },
    onMove: () => (hasKeyboard ? pointToCentre() : setPointer(null)),
    onPointer: pointTo,
    onPick: pick,
    onDrawn,
  };

  useLayoutEffect(() => {
    if (container.current === null) return;
    const webGl = hasWebGl();
    setPlain(!webGl);
    const options = {
      container: container.current,
      camera,
      label: `Map of ${name}: arrow keys move, plus and minus zoom, Enter filters by area`,
      basemap,
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
    picture.current = () => mine.picture();
    show.current = (next, until) => {
      if (scene.current !== null) mine.draw({ ...scene.current, drawing: next }, until);
    };
    return () => {
      picture.current = null;
      show.current = null;
      mine.destroy();
    };
    // The first camera only: later ones are moves of the same map.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useLayoutEffect(() => {
    if (formatCamera(camera) !== restsAt.current) renderer.current?.moveTo(camera);
  }, [camera]);

  useEscape(pointer !== null, () => setPointer(null));

  /** By a third of what is seen. */
  const pan = (right: number, down: number) => {
    const { clientWidth, clientHeight } = container.current ?? { clientWidth: 0, clientHeight: 0 };
    renderer.current?.panBy((right * clientWidth) / 3, (down * clientHeight) / 3);
  };

  const places = useMemo(() => new Map(drawing?.cells.map((cell, index) => [cell, index])), [drawing]);
  const pointedCell =
    pointer === null || drawing?.resolution == null
      ? null
      : latLngToCell(pointer.place.latitude, pointer.place.longitude, drawing.resolution);

  useLayoutEffect(() => {
    scene.current = { theme, drawing, outlines, shapes, selected, peaking, pointedAt: pointedCell, fresh };
    renderer.current?.draw(scene.current);
  }, [theme, drawing, outlines, shapes, selected, peaking, pointedCell, fresh]);

  const index = pointer === null || drawing === null ? -1 : indexAt(drawing, pointer.place);
  const area = pointer === null ? null : areaAt(shapes, pointer.place.longitude, pointer.place.latitude);
  const told =
    drawing === null
      ? null
      : drawing.areas === null
        ? drawing.tell(index)
        : drawing.tellArea(area?.code ?? "");
  const its =
    drawing === null
      ? null
      : (drawing.classes[drawing.areas?.get(area?.code ?? "") ?? drawing.classOf[index] ?? -1] ?? null);
  const spoken = told === null ? [] : [told.title, ...told.lines, ...(area === null ? [] : [area.name])];

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
      {pointer !== null && told !== null && (drawing?.areas === null || area !== null) && (
        <Tooltip
          x={pointer.x}
          y={pointer.y}
          isLeft={pointer.x > pointer.width * 0.6}
          told={told}
          its={its}
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
        <button
          type="button"
          aria-label="Show the whole city"
          title="Whole city"
          onClick={() => look({ camera: null })}
        >
          ⌂
        </button>
      </div>
      <div class="map-pan" role="group" aria-label="Move the map">
        {DIRECTIONS.map(({ name, sign, right, down }) => (
          // The map itself is the keyboard's stop: its arrow keys do the same.
          <button
            key={name}
            type="button"
            class={`map-pan-${name}`}
            tabIndex={-1}
            aria-label={`Move ${name}`}
            onClick={() => pan(right, down)}
          >
            {sign}
          </button>
        ))}
      </div>
      <p class="visually-hidden" aria-live="polite">
        {hasKeyboard ? spoken.join(", ") : ""}
      </p>
      {basemap?.attribution != null && !plain && <Attribution html={basemap.attribution} />}
      {plain && (
        <p class="map-note">This browser offers no WebGL: the map is drawn in a plainer and slower way.</p>
      )}
    </div>
  );

  function indexAt({ grid, resolution }: Drawing, { longitude, latitude }: Place): number {
    if (grid !== null) return gridIndexAt(grid, longitude, latitude);
    if (resolution === null) return -1;
    return places.get(latLngToCell(latitude, longitude, resolution)) ?? -1;
  }
}
