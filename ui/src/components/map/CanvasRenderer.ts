/** The same map without WebGL: slower and plainer, but the same cells, colours, outlines and keys. */
import type { Drawing, Grid } from "../../model/layers/drawing";
import { project, unproject, worldSize, type Point } from "../../model/projection";
import { hexagonZoom } from "../../model/resolution";
import type { Camera } from "../../model/view";
import { outline } from "./hexagons";
import { PALETTES } from "./palette";
import { rasterOf } from "./raster";
import {
  copyOf,
  LARGEST_ZOOM,
  SMALLEST_ZOOM,
  type Place,
  type Renderer,
  type RendererEvents,
  type RendererOptions,
  type Scene,
} from "./renderer";
import { signsOf } from "./signs";

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

  panBy(right: number, down: number): void {
    this.#panTo(project(this.#camera.longitude, this.#camera.latitude), -right, -down);
  }

  placeAt(x: number, y: number): Place {
    const size = worldSize(this.#camera.zoom);
    const centre = project(this.#camera.longitude, this.#camera.latitude);
    return unproject({
      x: centre.x + (x - this.#canvas.clientWidth / 2) / size,
      y: centre.y + (y - this.#canvas.clientHeight / 2) / size,
    });
  }

  picture(): Promise<HTMLCanvasElement> {
    return Promise.resolve(copyOf(this.#canvas));
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
    if (event.key === "ArrowLeft") this.panBy(-STEP_PX, 0);
    else if (event.key === "ArrowRight") this.panBy(STEP_PX, 0);
    else if (event.key === "ArrowUp") this.panBy(0, -STEP_PX);
    else if (event.key === "ArrowDown") this.panBy(0, STEP_PX);
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

    if (scene.drawing !== null) {
      const { drawing, theme } = scene;
      for (const { shape, path } of areas) {
        context.fillStyle =
          drawing.classes[drawing.areas?.get(shape.code) ?? -1]?.colours[theme] ?? "transparent";
        context.fill(path, "evenodd");
      }
      if (drawing.grid !== null) this.#paintGrid(context, drawing, drawing.grid, scene);
      drawing.cells.forEach((cell, index) => {
        context.fillStyle = drawing.classes[drawing.classOf[index] ?? -1]?.colours[theme] ?? "transparent";
        context.fill(this.#path([outline(cell)]));
      });
      this.#paintSigns(context, drawing, scene);
    }
    for (const { shape, path } of areas) {
      const selected = scene.selected.includes(shape.code);
      context.strokeStyle = selected ? palette.selected : palette.outline;
      context.lineWidth = selected ? 3 : 0.8;
      context.stroke(path);
      if (selected || !scene.peaking.includes(shape.code)) continue;
      context.strokeStyle = palette.peaking;
      context.lineWidth = 2.2;
      context.setLineDash([4.4, 3]);
      context.stroke(path);
      context.setLineDash([]);
    }
    context.strokeStyle = palette.selected;
    context.lineWidth = 3;
    for (const cell of scene.fresh) context.stroke(this.#path([outline(cell)]));
    if (scene.pointedAt !== null) {
      context.strokeStyle = palette.pointer;
      context.lineWidth = 2.5;
      context.stroke(this.#path([outline(scene.pointedAt)]));
    }
    if (scene.drawing !== null) this.#events.onDrawn();
  }

  #paintSigns(context: CanvasRenderingContext2D, drawing: Drawing, { shapes, theme }: Scene): void {
    const zoom = drawing.resolution === null ? SMALLEST_ZOOM : hexagonZoom(drawing.resolution);
    if (this.#camera.zoom < zoom) return;
    const size_px = drawing.resolution === null ? 13 : Math.min(8 * 2 ** (this.#camera.zoom - zoom), 28);
    context.font = `${size_px}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const sign of signsOf(drawing, shapes, theme)) {
      const { x, y } = this.#pixel(sign.longitude, sign.latitude);
      context.fillStyle = sign.colour;
      context.fillText(sign.text, x, y);
    }
  }

  #paintGrid(context: CanvasRenderingContext2D, drawing: Drawing, grid: Grid, { theme }: Scene): void {
    const [sw, , ne, nw] = grid.corners;
    if (sw === undefined || ne === undefined || nw === undefined) return;
    const pixels = rasterOf(drawing, grid, theme);
    const { width, height } = pixels;
    const picture = document.createElement("canvas");
    picture.width = width;
    picture.height = height;
    picture.getContext("2d")?.putImageData(pixels, 0, 0);
    const [origin, right, down] = [this.#pixel(...nw), this.#pixel(...ne), this.#pixel(...sw)];
    context.save();
    context.imageSmoothingEnabled = false;
    context.transform(
      (right.x - origin.x) / width,
      (right.y - origin.y) / width,
      (down.x - origin.x) / height,
      (down.y - origin.y) / height,
      origin.x,
      origin.y,
    );
    context.drawImage(picture, 0, 0);
    context.restore();
  }

  #pixel(longitude: number, latitude: number): Point {
    const size = worldSize(this.#camera.zoom);
    const centre = project(this.#camera.longitude, this.#camera.latitude);
    const point = project(longitude, latitude);
    return {
      x: (point.x - centre.x) * size + this.#canvas.clientWidth / 2,
      y: (point.y - centre.y) * size + this.#canvas.clientHeight / 2,
    };
  }

  #path(rings: readonly GeoJSON.Position[][]): Path2D {
    const path = new Path2D();
    for (const ring of rings) {
      ring.forEach(([longitude = 0, latitude = 0], index) => {
        const { x, y } = this.#pixel(longitude, latitude);
        if (index === 0) path.moveTo(x, y);
        else path.lineTo(x, y);
      });
      path.closePath();
    }
    return path;
  }
}
