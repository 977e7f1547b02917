/** What draws the map, behind one interface: WebGL where there is any, a plain canvas where there is not. */
import type { Basemap, Outlines } from "../../api/types";
import type { AreaShape } from "../../model/areas";
import type { Drawing } from "../../model/layers/drawing";
import type { Theme } from "../../model/ramp";
import type { Camera } from "../../model/view";

export interface Place {
  readonly longitude: number;
  readonly latitude: number;
}

export interface Scene {
  readonly theme: Theme;
  readonly drawing: Drawing | null;
  readonly outlines: Outlines | null;
  readonly shapes: readonly AreaShape[];
  /** Codes of the areas that the filter names. */
  readonly selected: readonly string[];
  /** Codes of the areas that are beyond their usual variation. */
  readonly peaking: readonly string[];
  /** H3 index of the cell under the pointer or the crosshair. */
  readonly pointedAt: string | null;
  /** H3 indices of the cells in which something new was counted. */
  readonly fresh: readonly string[];
}

export interface RendererEvents {
  /** The camera rests; `byReader` unless the page itself moved it. */
  readonly onCamera: (camera: Camera, byReader: boolean) => void;
  readonly onMove: () => void;
  /** Position in pixels from the map's top left corner; null when the pointer has left. */
  readonly onPointer: (position: { readonly x: number; readonly y: number } | null) => void;
  readonly onPick: (place: Place) => void;
  /** A scene with a drawing is on the screen. */
  readonly onDrawn: () => void;
}

export interface Renderer {
  /** `until`: the GPU has the scene at once; that it is on the screen may wait for this. */
  draw(scene: Scene, until?: Promise<void>): void;
  moveTo(camera: Camera): void;
  zoomBy(steps: number): void;
  /** Pixels that the view moves to the right and down. */
  panBy(right: number, down: number): void;
  placeAt(x: number, y: number): Place;
  /** A copy of what is on the screen. */
  picture(): Promise<HTMLCanvasElement>;
  destroy(): void;
}

export interface RendererOptions {
  readonly container: HTMLElement;
  readonly camera: Camera;
  readonly label: string;
  /** Streets and names; null: outlines are all that there is. */
  readonly basemap: Basemap | null;
  readonly events: RendererEvents;
}

export const SMALLEST_ZOOM = 7;
export const LARGEST_ZOOM = 17;

export function prefersReducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

export function hasWebGl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

export function copyOf(canvas: HTMLCanvasElement): HTMLCanvasElement {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.getContext("2d")?.drawImage(canvas, 0, 0);
  return copy;
}
