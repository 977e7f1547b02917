/**
 * A quiet base map from one local file of tiles: ground and water below the data, streets and names above it.
 *
 * Made of the layers that the file has, in either of the two common schemas (Protomaps' basemaps, OpenMapTiles). Loaded
 * only where there is a base map.
 */
import { addProtocol, type LayerSpecification, type Map as MapLibreMap } from "maplibre-gl";
import { Protocol } from "pmtiles";
import type { Basemap } from "../../api/types";
import type { Theme } from "../../model/ramp";
import { PALETTES } from "./palette";

export const SOURCE = "basemap";

/** What stands below hexagons and areas' colours, and what above. */
export interface BasemapLayers {
  readonly background: string;
  readonly below: readonly LayerSpecification[];
  readonly above: readonly LayerSpecification[];
}

interface Colours {
  readonly earth: string;
  readonly water: string;
  readonly green: string;
  readonly building: string;
  readonly road: string;
  readonly boundary: string;
  readonly name: string;
  readonly halo: string;
}

const COLOURS: Readonly<Record<Theme, Colours>> = {
  light: {
    earth: "#f4f3ef",
    water: "#d3dfe6",
    green: "#e4ebdc",
    building: "#e6e3dc",
    road: "#59646d",
    boundary: "#8b949b",
    name: "#3d474f",
    halo: "#ffffff",
  },
  dark: {
    earth: "#1b2228",
    water: "#0d1216",
    green: "#1c2923",
    building: "#262f36",
    road: "#aab5bd",
    boundary: "#6b7780",
    name: "#c5ced5",
    halo: "#0d1216",
  },
};

/** Kinds of streets of both schemas, from the widest down, with the zoom from which each is drawn and its width. */
const STREETS: readonly (readonly [id: string, kinds: readonly string[], from: number, width: number])[] = [
  ["motorways", ["highway", "motorway", "trunk"], 6, 1.6],
  ["main-streets", ["major_road", "medium_road", "primary", "secondary"], 9, 1.1],
  ["streets", ["minor_road", "tertiary", "minor", "service", "other"], 12, 0.7],
];
const RAILS = ["rail", "transit"];
const GREEN = [
  "park",
  "nature_reserve",
  "forest",
  "wood",
  "grass",
  "cemetery",
  "golf_course",
  "recreation_ground",
];

type Expression = readonly unknown[];

/** Both schemas say what a thing is, under names of their own; older files of Protomaps have a prefix. */
const KIND: Expression = ["to-string", ["coalesce", ["get", "kind"], ["get", "pmap:kind"], ["get", "class"]]];
const NAME: Expression = ["coalesce", ["get", "name:en"], ["get", "name_en"], ["get", "name"], ""];

function isOf(kinds: readonly string[]): Expression {
  return ["in", KIND, ["literal", kinds]];
}

export function layersOf({ tile_type, vector_layers }: Basemap, theme: Theme): BasemapLayers {
  const colours = COLOURS[theme];
  if (tile_type !== "mvt") return { background: colours.earth, below: [rasterLayer(theme)], above: [] };
  const has = (layer: string) => vector_layers.includes(layer);
  /** A layer of the style for each of the file's that there is. */
  const each = (names: readonly string[], make: (name: string) => Record<string, unknown>) =>
    names
      .filter(has)
      .map(
        (name) => ({ source: SOURCE, "source-layer": name, ...make(name) }) as unknown as LayerSpecification,
      );
  const fill = (name: string, colour: string, filter?: Expression) => ({
    id: `basemap-${name}`,
    type: "fill",
    ...(filter === undefined ? {} : { filter }),
    paint: { "fill-color": colour },
  });
  return {
    // Without a layer of land, all that is no water is land.
    background: has("earth") ? colours.water : colours.earth,
    below: [
      ...each(["earth"], (name) => fill(name, colours.earth)),
      ...each(["landcover", "landuse", "park", "natural"], (name) =>
        fill(name, colours.green, name === "park" ? undefined : isOf(GREEN)),
      ),
      ...each(["water"], (name) => fill(name, colours.water, ["==", ["geometry-type"], "Polygon"])),
      ...each(["waterway"], (name) => ({
        id: `basemap-${name}`,
        type: "line",
        paint: { "line-color": colours.water, "line-width": 1.2 },
      })),
      ...each(["building", "buildings"], (name) => ({ ...fill(name, colours.building), minzoom: 14 })),
    ],
    above: [
      ...each(["boundary", "boundaries"], (name) => ({
        id: `basemap-${name}`,
        type: "line",
        paint: { "line-color": colours.boundary, "line-width": 0.8, "line-dasharray": [3, 2] },
      })),
      ...STREETS.toReversed().flatMap(([id, kinds, from, width]) =>
        each(["roads", "transportation"], (name) => ({
          id: `basemap-${name}-${id}`,
          type: "line",
          minzoom: from,
          filter: ["all", ["==", ["geometry-type"], "LineString"], isOf(kinds)],
          layout: { "line-cap": "round", "line-join": "round" },
          paint: {
            "line-color": colours.road,
            // The data shows through: streets say where one is, and are not what is looked at.
            "line-opacity": 0.6,
            "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], from, width * 0.7, 17, width * 8],
          },
        })),
      ),
      ...each(["roads", "transportation"], (name) => ({
        id: `basemap-${name}-rails`,
        type: "line",
        minzoom: 12,
        filter: isOf(RAILS),
        paint: {
          "line-color": colours.road,
          "line-opacity": 0.4,
          "line-width": 0.8,
          "line-dasharray": [4, 2],
        },
      })),
      ...each([has("transportation_name") ? "transportation_name" : "roads"], (name) => ({
        id: `basemap-${name}-names`,
        type: "symbol",
        minzoom: 13.5,
        layout: nameLayout({ "symbol-placement": "line", "text-size": 11 }),
        paint: namePaint(colours),
      })),
      ...each(["places", "place"], (name) => ({
        id: `basemap-${name}`,
        type: "symbol",
        maxzoom: 14,
        filter: ["!", isOf(["country", "state", "region", "continent"])],
        layout: nameLayout({
          "text-size": ["match", KIND, ["city"], 13, ["town", "locality"], 12, 11],
          "text-max-width": 7,
        }),
        paint: namePaint(colours),
      })),
    ],
  };
}

/** No fonts are fetched: without `glyphs` in the style, names are drawn with the system's own. */
function nameLayout(more: Record<string, unknown>): Record<string, unknown> {
  return { "text-field": NAME, "text-font": ["system-ui"], "text-padding": 4, ...more };
}

function namePaint({ name, halo }: Colours): Record<string, unknown> {
  return { "text-color": name, "text-halo-color": halo, "text-halo-width": 1.4 };
}

function rasterLayer(theme: Theme): LayerSpecification {
  return {
    id: "basemap-tiles",
    type: "raster",
    source: SOURCE,
    paint: {
      "raster-saturation": -0.7,
      "raster-contrast": -0.1,
      "raster-brightness-max": theme === "dark" ? 0.45 : 1,
    },
  };
}

let isProtocolKnown = false;

/** Puts the base map into a map whose own layers are there; `before` and `above` are two of them. */
export function addBasemap(
  map: MapLibreMap,
  basemap: Basemap,
  theme: Theme,
  before: string,
  above: string,
): void {
  if (!isProtocolKnown) {
    // Ranges of the one file, asked for as they are needed.
    const protocol = new Protocol({ metadata: false });
    addProtocol("pmtiles", (request, abort) => protocol.tile(request, abort));
    isProtocolKnown = true;
  }
  if (map.getSource(SOURCE) === undefined) {
    const isVector = basemap.tile_type === "mvt";
    const source = {
      tiles: [`pmtiles://${basemap.url}/{z}/{x}/{y}`],
      minzoom: basemap.min_zoom,
      maxzoom: basemap.max_zoom,
    };
    map.addSource(
      SOURCE,
      isVector ? { type: "vector", ...source } : { type: "raster", tileSize: 256, ...source },
    );
  }
  const layers = layersOf(basemap, theme);
  // Made anew for another theme: they are few, and a theme changes seldom.
  for (const { id } of [...layers.below, ...layers.above])
    if (map.getLayer(id) !== undefined) map.removeLayer(id);
  for (const layer of layers.below) map.addLayer(layer, before);
  for (const layer of layers.above) map.addLayer(layer, above);
  map.setPaintProperty("ground", "background-color", layers.background);
  map.setPaintProperty("land", "fill-opacity", 0);
  map.setPaintProperty("area-outline", "line-color", PALETTES[theme].outline);
}
