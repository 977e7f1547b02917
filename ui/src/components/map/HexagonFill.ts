/**
 * The hexagons as one layer of deck.gl. While only their colours change, nothing of the layer is made anew: the colours
 * are written into the buffer that the GPU already draws from.
 */
import { SolidPolygonLayer } from "@deck.gl/layers";
import type { Layer } from "@deck.gl/core";
import type { Drawing } from "../../model/layers/drawing";
import type { Theme } from "../../model/ramp";
import { coloursFor, geometryFor, type HexagonGeometry } from "./hexagons";

type Device = Layer["context"]["device"];
type GpuBuffer = ReturnType<Device["createBuffer"]>;

export class HexagonFill {
  readonly #device: Device;
  readonly #opacity: number;
  #geometry: HexagonGeometry | null = null;
  #colours: GpuBuffer | null = null;
  /** The layer before may still draw from it until the next frame. */
  #retired: GpuBuffer | null = null;
  #layer: SolidPolygonLayer | null = null;

  constructor(device: Device, opacity: number) {
    this.#device = device;
    this.#opacity = opacity;
  }

  /** Hands the colours to the GPU; the layer is the one before where no hexagon is new. */
  fill(drawing: Drawing, resolution: number, theme: Theme): SolidPolygonLayer {
    const geometry = geometryFor(drawing.cells, resolution, this.#geometry);
    const colours = coloursFor(geometry, drawing, theme);
    if (geometry === this.#geometry && this.#colours !== null) {
      this.#colours.write(colours);
      this.#layer ??= layerOf(geometry, this.#colours, this.#opacity);
      return this.#layer;
    }
    this.#retired?.destroy();
    this.#retired = this.#colours;
    this.#geometry = geometry;
    // Not empty, which a buffer cannot be.
    this.#colours = this.#device.createBuffer({ data: colours.length === 0 ? new Uint8Array(4) : colours });
    this.#layer = layerOf(geometry, this.#colours, this.#opacity);
    return this.#layer;
  }

  /** No hexagons are drawn: deck.gl ends their layer, and an ended one cannot be drawn again. */
  leave(): void {
    this.#layer = null;
  }
}

function layerOf(geometry: HexagonGeometry, colours: GpuBuffer, opacity: number): SolidPolygonLayer {
  return new SolidPolygonLayer({
    id: "hexagons",
    // Typed for rows; buffers are the documented alternative. By the attribute's name it is a buffer on the GPU.
    data: {
      length: geometry.places.size,
      startIndices: geometry.startIndices,
      attributes: { getPolygon: geometry.corners, indices: geometry.indices, fillColors: colours },
    } as unknown as readonly unknown[],
    opacity,
    _normalize: false,
    positionFormat: "XY",
    extruded: false,
    // Flat, and without a mark in the depth buffer, which would hide the outlines above.
    parameters: { depthCompare: "always", depthWriteEnabled: false },
    // Read by the overlay, not by the layer: draw below the outlines.
    ...{ beforeId: "area-outline" },
  });
}
