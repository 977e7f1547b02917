/** The same map without WebGL: slower and plainer, but the same cells, colours, outlines and keys. */
import { rampColours } from "../../model/ramp";
import { classOf } from "../../model/classes";
import { project, unproject, worldSize, type Point } from "../../model/projection";
import type { Camera } from "../../model/view";
import { outline } from "./hexagons";
import { PALETTES } from "./palette";
import {
  LARGEST_ZOOM,
  SMALLEST_ZOOM,
  type Place,
  type Renderer,
  type RendererEvents,
  type RendererOptions,
  type Scene,
} from "./renderer";

const STEP_PX = 100;
/** A press that moves less than this is a click. */
const CLICK_PX = 4;

export class CanvasRenderer implements Renderer {
  readonly #canvas: HTMLCanvasElement;
  readonly #events: RendererEvents;
  readonly #observer: ResizeObserver;
  #camera: Camera;
  #scene: Scene | null = null;
  #frame: number | null = null;
  #press: { x: number; y: number; centre: Point; moved: boolean } | null = null;

  constructor({ container, camera, label, events }: RendererOptions) {
    this.#camera = camera;
    this.#events = events;
    this.#canvas = document.createElement("canvas");
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("role", "application");
    this.#canvas.setAttribute("aria-label", label);
    this.#canvas.className = "plain-map";
    container.append(this.#canvas);
    this.#observer = new ResizeObserver(() => this.#redraw());
    this.#observer.observe(this.#canvas);
    this.#listen();
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    this.#redraw();
  }

  moveTo(camera: Camera): void {
    this.#move(camera, false);
  }

  zoomBy(steps: number): void {
    this.#move({ ...this.#camera, zoom: this.#camera.zoom + steps }, true);
  }

  placeAt(x: number, y: number): Place {
    const size = worldSize(this.#camera.zoom);
    const centre = project(this.#camera.longitude, this.#camera.latitude);
    return unproject({
      x: centre.x + (x - this.#canvas.clientWidth / 2) / size,
      y: centre.y + (y - this.#canvas.clientHeight / 2) / size,
    });
  }

  destroy(): void {
    this.#observer.disconnect();
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#canvas.remove();
  }

  #move(camera: Camera, byReader: boolean): void {
    const zoom = Math.min(Math.max(camera.zoom, SMALLEST_ZOOM), LARGEST_ZOOM);
    this.#camera = { ...camera, zoom };
    this.#events.onMove();
    this.#events.onCamera(this.#camera, byReader);
    this.#redraw();
  }

  #listen(): void {
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", ({ offsetX, offsetY, pointerId }) => {
      const centre = project(this.#camera.longitude, this.#camera.latitude);
      this.#press = { x: offsetX, y: offsetY, centre, moved: false };
      canvas.setPointerCapture(pointerId);
    });
    canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
      this.#events.onPointer({ x: offsetX, y: offsetY });
      const press = this.#press;
      if (press === null) return;
      press.moved ||= Math.hypot(offsetX - press.x, offsetY - press.y) > CLICK_PX;
      if (press.moved) this.#panTo(press.centre, offsetX - press.x, offsetY - press.y);
    });
    canvas.addEventListener("pointerup", ({ offsetX, offsetY }) => {
      if (this.#press?.moved === false) this.#events.onPick(this.placeAt(offsetX, offsetY));
      this.#press = null;
    });
    canvas.addEventListener("pointerleave", () => this.#events.onPointer(null));
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoomBy(-Math.sign(event.deltaY) * 0.5);
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #onKey(event: KeyboardEvent): void {
    const centre = project(this.#camera.longitude, this.#camera.latitude);
    if (event.key === "ArrowLeft") this.#panTo(centre, STEP_PX, 0);
    else if (event.key === "ArrowRight") this.#panTo(centre, -STEP_PX, 0);
    else if (event.key === "ArrowUp") this.#panTo(centre, 0, STEP_PX);
    else if (event.key === "ArrowDown") this.#panTo(centre, 0, -STEP_PX);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1);
    else if (event.key === "-") this.zoomBy(-1);
    else return;
    event.preventDefault();
  }

  #panTo(from: Point, dx: number, dy: number): void {
    const size = worldSize(this.#camera.zoom);
    const place = unproject({ x: from.x - dx / size, y: from.y - dy / size });
    this.#move({ zoom: this.#camera.zoom, ...place }, true);
  }

  #redraw(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#scene !== null) this.#paint(this.#scene);
    });
  }

  #paint(scene: Scene): void {
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio;
    this.#canvas.width = width * ratio;
    this.#canvas.height = height * ratio;
    context.scale(ratio, ratio);
    const palette = PALETTES[scene.theme];
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, width, height);

    const areas = scene.shapes.map((shape) => ({ shape, path: this.#path(shape.polygons.flat()) }));
    context.fillStyle = palette.land;
    for (const { path } of areas) context.fill(path, "evenodd");

    const colours = rampColours(scene.theme, scene.classes.length);
    for (const [cell, count] of scene.cells) {
      context.fillStyle = colours[classOf(scene.classes, count)] ?? "transparent";
      context.fill(this.#path([outline(cell)]));
    }
    for (const { shape, path } of areas) {
      const selected = scene.selected.includes(shape.code);
      context.strokeStyle = selected ? palette.selected : palette.outline;
      context.lineWidth = selected ? 3 : 0.8;
      context.stroke(path);
    }
    if (scene.pointedAt !== null) {
      context.strokeStyle = palette.pointer;
      context.lineWidth = 2.5;
      context.stroke(this.#path([outline(scene.pointedAt)]));
    }
    this.#events.onDrawn();
  }

  #path(rings: readonly GeoJSON.Position[][]): Path2D {
    const size = worldSize(this.#camera.zoom);
    const centre = project(this.#camera.longitude, this.#camera.latitude);
    const path = new Path2D();
    for (const ring of rings) {
      ring.forEach(([longitude = 0, latitude = 0], index) => {
        const point = project(longitude, latitude);
        const x = (point.x - centre.x) * size + this.#canvas.clientWidth / 2;
        const y = (point.y - centre.y) * size + this.#canvas.clientHeight / 2;
        if (index === 0) path.moveTo(x, y);
        else path.lineTo(x, y);
      });
      path.closePath();
    }
    return path;
  }
}
