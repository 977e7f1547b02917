/**
 * The map on the GPU: MapLibre draws ground, outlines and names, deck.gl the hexagons between them.
 *
 * Nothing is fetched from elsewhere: no glyphs (names are drawn with the system's own fonts), no sprites, and tiles only
 * where the server has a base map.
 */
import { BitmapLayer, PathLayer, SolidPolygonLayer } from "@deck.gl/layers";
import { MapLibreOverlay } from "@deck.gl/maplibre";
import {
  Map as MapLibreMap,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type MapLibreEvent,
  type MapMouseEvent,
  type FilterSpecification,
  type StyleSpecification,
} from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
// A worker of the same origin: the content security policy allows no other.
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Basemap } from "../../api/types";
import type { Drawing } from "../../model/layers/drawing";
import { parseRgb, type Theme } from "../../model/ramp";
import { hexagonZoom } from "../../model/resolution";
import type { Camera } from "../../model/view";
import type { addBasemap } from "./basemap";
import { Frames } from "./frames";
import { HexagonFill } from "./HexagonFill";
import { outline, ringsOf } from "./hexagons";
import { PALETTES } from "./palette";
import { rasterOf } from "./raster";
import {
  copyOf,
  LARGEST_ZOOM,
  prefersReducedMotion,
  SMALLEST_ZOOM,
  type Place,
  type Renderer,
  type RendererEvents,
  type RendererOptions,
  type Scene,
} from "./renderer";
import { signsOf } from "./signs";

setWorkerUrl(workerUrl);

/** Areas are large enough for their names from here on. */
const NAMES_ZOOM = 10.25;
/** Water and parks can be told through the hexagons. */
const OVER_BASEMAP = 0.8;
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export class GlRenderer implements Renderer {
  readonly #map: MapLibreMap;
  readonly #overlay: MapLibreOverlay;
  readonly #events: RendererEvents;
  #scene: Scene | null = null;
  #drawn: Scene | null = null;
  /** null until the GPU's device is there. */
  #hexagons: HexagonFill | null = null;
  #layers: Layers = [null, null, null];
  readonly #frames = new Frames();
  readonly #basemap: Basemap | null;
  #addBasemap: typeof addBasemap | null = null;

  constructor({ container, camera, label, basemap, events }: RendererOptions) {
    this.#events = events;
    this.#basemap = basemap;
    this.#map = new MapLibreMap({
      container,
      style: emptyStyle(),
      center: [camera.longitude, camera.latitude],
      zoom: camera.zoom,
      minZoom: SMALLEST_ZOOM,
      maxZoom: LARGEST_ZOOM,
      attributionControl: false,
      // North stays up: an analyst compares maps, and a turned one cannot be compared.
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: prefersReducedMotion() ? 0 : 200,
      locale: { "Map.Title": label },
    });
    this.#map.on("style.load", () => leaveOutSky(this.#map));
    this.#map.touchZoomRotate.disableRotation();
    this.#map.keyboard.disableRotation();
    this.#map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-right");
    const opacity = basemap === null ? 1 : OVER_BASEMAP;
    this.#overlay = new MapLibreOverlay({
      interleaved: true,
      layers: [],
      // Handed on to the loop, whose property it is.
      ...{ animationFrameProvider: this.#frames },
      onDeviceInitialized: (device) => {
        this.#hexagons = new HexagonFill(device, opacity);
      },
      onLoad: () => {
        if (this.#scene !== null) this.draw(this.#scene);
        void this.#loadBasemap();
      },
    });
    // In `draw` before the areas: the overlay finds its place between the layers only in a loaded style.
    this.#map.on("load", () => this.#map.addControl(this.#overlay));
    this.#listen();
  }

  draw(scene: Scene, until?: Promise<void>): void {
    this.#scene = scene;
    const hexagons = this.#hexagons;
    if (hexagons === null) return;
    const before = this.#drawn;
    if (before !== null && isSame(before, scene)) return;
    this.#drawn = scene;
    const sameTheme = before?.theme === scene.theme;
    const sameDrawing = before !== null && before.drawing === scene.drawing && sameTheme;
    const [filled, fresh, pointer] = this.#layers;
    this.#setLayers([
      sameDrawing ? filled : fill(hexagons, scene),
      sameTheme && before.fresh === scene.fresh ? fresh : freshLayer(scene),
      sameTheme && before.pointedAt === scene.pointedAt ? pointer : pointerLayer(scene),
    ]);
    if (before?.theme !== scene.theme) this.#paint(scene.theme);
    if (before?.outlines !== scene.outlines) this.#setAreas(scene);
    // While counts move, there is nothing to set: neither hexagons of counts nor their outlines have signs.
    const isPlain = !hasSigns(scene.drawing) && !hasSigns(before?.drawing ?? null) && before !== null;
    if (!isPlain && (!sameDrawing || before.shapes !== scene.shapes)) this.#setClasses(scene);
    if (before?.selected !== scene.selected) this.#map.setFilter("area-selected", isOneOf(scene.selected));
    if (before?.peaking !== scene.peaking) this.#map.setFilter("area-peaking", isOneOf(scene.peaking));
    // Not "idle": with data streaming in, the map may rest late or never.
    if (!sameDrawing && scene.drawing !== null)
      void this.#map.once("render").then(() => this.#events.onDrawn());
    // The overlay's layers are drawn with the map's, which knows nothing of a new mark.
    if (until === undefined) this.#map.triggerRepaint();
    else void until.then(() => this.#map.triggerRepaint());
  }

  moveTo(camera: Camera): void {
    this.#map.resize();
    this.#map.jumpTo({ center: [camera.longitude, camera.latitude], zoom: camera.zoom });
  }

  zoomBy(steps: number): void {
    this.#map.zoomTo(this.#map.getZoom() + steps, { animate: !prefersReducedMotion() }, { byReader: true });
  }

  panBy(right: number, down: number): void {
    this.#map.panBy([right, down], { animate: !prefersReducedMotion() }, { byReader: true });
  }

  placeAt(x: number, y: number): Place {
    const { lng, lat } = this.#map.unproject([x, y]);
    return { longitude: lng, latitude: lat };
  }

  async picture(): Promise<HTMLCanvasElement> {
    // The GPU's picture can be read only before the frame in which it was drawn ends.
    const drawn = this.#map.once("render").then(() => copyOf(this.#map.getCanvas()));
    this.#map.triggerRepaint();
    return drawn;
  }

  destroy(): void {
    this.#map.remove();
  }

  #listen(): void {
    this.#map.on("render", () => this.#frames.wake());
    this.#map.on("move", () => this.#events.onMove());
    this.#map.on("moveend", (event: MapLibreEvent & { byReader?: boolean }) => {
      const { lng, lat } = this.#map.getCenter();
      const camera = { zoom: this.#map.getZoom(), latitude: lat, longitude: lng };
      // The map also moves by itself: when it is given a camera, and when its container changes its size.
      this.#events.onCamera(camera, event.byReader === true || event.originalEvent !== undefined);
    });
    this.#map.on("mousemove", ({ point }: MapMouseEvent) => this.#events.onPointer(point));
    this.#map.on("mouseout", () => this.#events.onPointer(null));
    this.#map.on("click", ({ lngLat }: MapMouseEvent) => {
      this.#events.onPick({ longitude: lngLat.lng, latitude: lngLat.lat });
    });
  }

  #paint(theme: Theme): void {
    const palette = PALETTES[theme];
    this.#map.setPaintProperty("ground", "background-color", palette.ground);
    this.#map.setPaintProperty("land", "fill-color", palette.land);
    this.#map.setPaintProperty("area-outline", "line-color", palette.outline);
    this.#map.setPaintProperty("area-selected", "line-color", palette.selected);
    this.#map.setPaintProperty("area-peaking", "line-color", palette.peaking);
    this.#map.setPaintProperty("area-name", "text-color", palette.label);
    this.#map.setPaintProperty("area-name", "text-halo-color", palette.halo);
    if (this.#basemap !== null)
      this.#addBasemap?.(this.#map, this.#basemap, theme, "area-class", "area-selected");
  }

  /** Its code is fetched only where there is one; without it, the map stays as it is. */
  async #loadBasemap(): Promise<void> {
    if (this.#basemap === null) return;
    this.#addBasemap = (await import("./basemap")).addBasemap;
    if (this.#scene !== null) this.#paint(this.#scene.theme);
  }

  #setLayers(layers: Layers): void {
    if (layers.every((layer, index) => layer === this.#layers[index])) return;
    this.#layers = layers;
    this.#frames.wake();
    this.#overlay.setProps({ layers: [...layers] });
  }

  /** Areas' colours, and the signs of all classes. */
  #setClasses({ drawing, shapes, theme }: Scene): void {
    const fills = [...(drawing?.areas ?? [])].flatMap(([code, index]) => {
      const colour = drawing?.classes[index]?.colours[theme];
      return colour === undefined ? [] : [[code, colour] as const];
    });
    this.#map.setFilter("area-class", ["in", ["get", "code"], ["literal", fills.map(([code]) => code)]]);
    if (fills.length > 0) {
      const colours = ["match", ["get", "code"], ...fills.flat(), "transparent"];
      this.#map.setPaintProperty("area-class", "fill-color", colours as unknown as string);
    }
    const zoom = drawing?.resolution == null ? SMALLEST_ZOOM : hexagonZoom(drawing.resolution);
    this.#map.setLayerZoomRange("signs", zoom, 24);
    this.#map.setLayoutProperty("signs", "text-size", signSize(drawing, zoom));
    void this.#map.getSource<GeoJSONSource>("signs")?.setData({
      type: "FeatureCollection",
      features: (drawing === null ? [] : signsOf(drawing, shapes, theme)).map((sign) => ({
        type: "Feature",
        properties: { text: sign.text, colour: sign.colour, ground: sign.ground, ofArea: sign.ofArea },
        geometry: { type: "Point", coordinates: [sign.longitude, sign.latitude] },
      })),
    });
  }

  #setAreas(scene: Scene): void {
    // Drawn when the worker has cut them up; nothing here waits for that.
    void this.#map.getSource<GeoJSONSource>("areas")?.setData(scene.outlines ?? EMPTY);
    void this.#map.getSource<GeoJSONSource>("names")?.setData({
      type: "FeatureCollection",
      features: scene.shapes.map(({ name, label, area_km2 }) => ({
        type: "Feature",
        properties: { name, area_km2 },
        geometry: { type: "Point", coordinates: [...label] },
      })),
    });
  }
}

/** What is filled, the marks of what is new, and of what is pointed at. */
type Layers = readonly [SolidPolygonLayer | BitmapLayer | null, SolidPolygonLayer | null, PathLayer | null];

function fill(hexagons: HexagonFill, { drawing, theme }: Scene): SolidPolygonLayer | BitmapLayer | null {
  if (drawing !== null && drawing.grid === null && drawing.resolution !== null) {
    return hexagons.fill(drawing, drawing.resolution, theme);
  }
  hexagons.leave();
  return drawing !== null && drawing.grid !== null ? gridLayer(drawing, theme) : null;
}

/**
 * MapLibre draws a sky over the whole canvas in every frame, transparent where the style has none. Seen from straight
 * above there is none, and in software it takes longer than all the rest of the frame.
 */
function leaveOutSky(map: MapLibreMap): void {
  Object.assign(map.style.sky, { getEvaluated: () => undefined });
}

function isSame(one: Scene, other: Scene): boolean {
  return (Object.keys(one) as (keyof Scene)[]).every((part) => one[part] === other[part]);
}

function hasSigns(drawing: Drawing | null): boolean {
  return drawing !== null && (drawing.areas !== null || drawing.classes.some(({ sign }) => sign !== ""));
}

function isOneOf(codes: readonly string[]): FilterSpecification {
  return ["in", ["get", "code"], ["literal", [...codes]]];
}

/** Every layer exists from the start, empty, so that hexagons always have the outlines to lie under. */
function emptyStyle(): StyleSpecification {
  return {
    version: 8,
    sources: {
      areas: { type: "geojson", data: EMPTY },
      names: { type: "geojson", data: EMPTY },
      signs: { type: "geojson", data: EMPTY },
    },
    layers: [
      { id: "ground", type: "background" },
      { id: "land", type: "fill", source: "areas" },
      { id: "area-class", type: "fill", source: "areas", filter: ["boolean", false] },
      {
        id: "area-outline",
        type: "line",
        source: "areas",
        paint: { "line-width": ["interpolate", ["linear"], ["zoom"], 9, 0.6, 13, 1.6] },
      },
      {
        id: "area-peaking",
        type: "line",
        source: "areas",
        filter: ["boolean", false],
        paint: { "line-width": 2.2, "line-dasharray": [2, 1.4] },
      },
      {
        id: "area-selected",
        type: "line",
        source: "areas",
        filter: ["boolean", false],
        layout: { "line-join": "round" },
        paint: { "line-width": 3 },
      },
      {
        id: "signs",
        type: "symbol",
        source: "signs",
        layout: {
          "text-field": ["get", "text"],
          "text-font": ["system-ui"],
          // Areas' names stand in their middle, from where they are shown on.
          "text-offset": [
            "step",
            ["zoom"],
            ["literal", [0, 0]],
            NAMES_ZOOM,
            ["case", ["get", "ofArea"], ["literal", [0, 1.7]], ["literal", [0, 0]]],
          ],
          // Each stands in its own hexagon: none gives way, and names do not give way to them.
          "text-allow-overlap": true,
          "text-ignore-placement": true,
        },
        paint: {
          "text-color": ["get", "colour"],
          "text-halo-color": ["get", "ground"],
          "text-halo-width": 1,
        },
      },
      {
        id: "area-name",
        type: "symbol",
        source: "names",
        minzoom: NAMES_ZOOM,
        layout: {
          "text-field": ["get", "name"],
          "text-font": ["system-ui"],
          "text-size": ["interpolate", ["linear"], ["zoom"], 10, 10.5, 14, 14],
          "text-max-width": 7,
          "text-padding": 4,
          "symbol-sort-key": ["-", 0, ["get", "area_km2"]],
        },
        paint: { "text-halo-width": 1.6 },
      },
    ],
  };
}

/** As large as the hexagon that it stands in. */
function signSize(drawing: Drawing | null, zoom: number): DataDrivenSize {
  if (drawing?.resolution == null) return 13;
  return ["interpolate", ["exponential", 2], ["zoom"], zoom, 8, zoom + 2, 28];
}

type DataDrivenSize = number | ["interpolate", ["exponential", number], ["zoom"], ...number[]];

function gridLayer(drawing: Drawing, theme: Theme): BitmapLayer | null {
  if (drawing.grid === null) return null;
  const [sw, se, ne, nw] = drawing.grid.corners;
  if (sw === undefined || se === undefined || ne === undefined || nw === undefined) return null;
  return new BitmapLayer({
    id: "grid",
    image: rasterOf(drawing, drawing.grid, theme),
    bounds: [[...sw], [...nw], [...ne], [...se]],
    // A cell has one colour; smoothing would make up colours of no class.
    textureParameters: { minFilter: "nearest", magFilter: "nearest" },
    parameters: { depthCompare: "always", depthWriteEnabled: false },
    ...{ beforeId: "area-outline" },
  });
}

function freshLayer(scene: Scene): SolidPolygonLayer | null {
  if (scene.fresh.length === 0) return null;
  const { length, startIndices, corners, indices } = ringsOf(scene.fresh);
  return new SolidPolygonLayer({
    id: "fresh",
    // Typed for rows; buffers are the documented alternative.
    data: {
      length,
      startIndices,
      attributes: { getPolygon: corners, indices },
    } as unknown as readonly unknown[],
    getFillColor: [...parseRgb(PALETTES[scene.theme].selected)],
    _normalize: false,
    positionFormat: "XY",
    extruded: false,
    parameters: { depthCompare: "always", depthWriteEnabled: false },
  });
}

function pointerLayer(scene: Scene): PathLayer<string> {
  return new PathLayer<string>({
    id: "pointed-at",
    data: scene.pointedAt === null ? [] : [scene.pointedAt],
    getPath: outline,
    getColor: [...parseRgb(PALETTES[scene.theme].pointer)],
    getWidth: 2.5,
    widthUnits: "pixels",
    jointRounded: true,
  });
}
