import { validateStyleMin } from "@maplibre/maplibre-gl-style-spec";
import { describe, expect, test, vi } from "vitest";
import type { Basemap } from "../../api/types";

// The library itself needs a browser; the style does not.
vi.mock("maplibre-gl", () => ({ addProtocol: () => undefined }));
const { layersOf, SOURCE } = await import("./basemap");

const FILE: Basemap = {
  url: "/basemap.pmtiles",
  name: null,
  attribution: null,
  tile_type: "mvt",
  min_zoom: 0,
  max_zoom: 15,
  vector_layers: [],
};
const PROTOMAPS = ["earth", "water", "landuse", "roads", "boundaries", "places", "buildings", "natural"];
const OPENMAPTILES =
  "water landcover landuse park waterway transportation transportation_name boundary place building".split(
    " ",
  );

describe.each(["light", "dark"] as const)("the base map, %s:", (theme) => {
  test.each([
    ["Protomaps", PROTOMAPS],
    ["OpenMapTiles", OPENMAPTILES],
    ["a file of water alone", ["water"]],
    ["a file of what nobody knows", ["poi"]],
  ])("of %s is a valid style of the layers that there are", (_, vector_layers) => {
    const { below, above } = layersOf({ ...FILE, vector_layers }, theme);
    const errors = validateStyleMin({
      version: 8,
      sources: { [SOURCE]: { type: "vector", tiles: ["pmtiles:///basemap.pmtiles/{z}/{x}/{y}"] } },
      layers: [...below, ...above],
    });
    expect(errors).toEqual([]);
    const used = new Set(
      [...below, ...above].map((layer) => (layer as { "source-layer"?: string })["source-layer"]),
    );
    for (const layer of used) expect(vector_layers).toContain(layer);
    expect(new Set([...below, ...above].map(({ id }) => id)).size).toBe(below.length + above.length);
  });

  test("draws streets and names over the data, ground and water under it", () => {
    for (const vector_layers of [PROTOMAPS, OPENMAPTILES]) {
      const { below, above } = layersOf({ ...FILE, vector_layers }, theme);
      expect(below.every(({ type }) => type !== "symbol")).toBe(true);
      expect(above.filter(({ type }) => type === "symbol")).toHaveLength(2);
      expect(above.filter(({ id }) => id.includes("streets"))).toHaveLength(2);
    }
  });

  test("of pictures is below the data", () => {
    const { below, above } = layersOf({ ...FILE, tile_type: "png" }, theme);
    expect(below.map(({ type }) => type)).toEqual(["raster"]);
    expect(above).toEqual([]);
  });
});
