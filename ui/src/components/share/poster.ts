/** The map's picture with its legend and its source below: a picture travels without its page. */
import type { Meta } from "../../api/types";
import { creditText } from "../../model/attribution";
import { formatCivil, formatCount } from "../../model/format";
import type { Drawing } from "../../model/layers/drawing";
import { inkOn, type Theme } from "../../model/ramp";

interface Facts {
  readonly drawing: Drawing;
  readonly period: string;
  readonly theme: Theme;
  readonly meta: Meta;
  /** Whether areas have dashed outlines. */
  readonly hasPeaks: boolean;
}

const INK = { light: ["#ffffff", "#161c21", "#4b565f"], dark: ["#161c21", "#e8edf1", "#a6b1ba"] } as const;
const LINE_PX = 20;
const MARGIN_PX = 16;
const COLUMN_PX = 210;

export async function posterOf(map: HTMLCanvasElement, facts: Facts): Promise<Blob> {
  const { drawing, period, theme, meta, hasPeaks } = facts;
  const scale = devicePixelRatio;
  const width = map.width / scale;
  const [ground, ink, soft] = INK[theme];
  const columns = Math.max(1, Math.floor((width - 2 * MARGIN_PX) / COLUMN_PX));
  const rows = Math.ceil(drawing.classes.length / columns);
  const dashes = hasPeaks ? ["Dashed outline: beyond its usual variation at this moment."] : [];
  const notes = [...dashes, ...drawing.facts, ...cautions(drawing), sourceLine(meta)];
  const measure = document.createElement("canvas").getContext("2d");
  if (measure === null) throw new Error("this browser cannot draw pictures");
  measure.font = "13px system-ui, sans-serif";
  const wrapped = notes.flatMap((note) => wrap(measure, note, width - 2 * MARGIN_PX));
  const legend_px = MARGIN_PX * 2 + LINE_PX * (2 + rows + wrapped.length);

  const poster = document.createElement("canvas");
  poster.width = map.width;
  poster.height = map.height + legend_px * scale;
  const context = poster.getContext("2d");
  if (context === null) throw new Error("this browser cannot draw pictures");
  context.fillStyle = ground;
  context.fillRect(0, 0, poster.width, poster.height);
  context.drawImage(map, 0, 0);
  context.scale(scale, scale);
  context.textBaseline = "middle";
  let y = map.height / scale + MARGIN_PX + LINE_PX / 2;
  const write = (text: string, font: string, colour: string) => {
    context.font = font;
    context.fillStyle = colour;
    context.fillText(text, MARGIN_PX, y);
    y += LINE_PX;
  };
  write(`${meta.profile.name}: ${drawing.heading}`, "600 15px system-ui, sans-serif", ink);
  write(period, "13px system-ui, sans-serif", soft);
  drawing.classes.forEach((its, index) => {
    const x = MARGIN_PX + (index % columns) * COLUMN_PX;
    const top = y + Math.floor(index / columns) * LINE_PX;
    context.fillStyle = its.colours[theme];
    context.fillRect(x, top - 7, 26, 14);
    context.font = "10px system-ui, sans-serif";
    context.fillStyle = inkOn(its.colours[theme]);
    context.textAlign = "center";
    context.fillText(its.sign, x + 13, top);
    context.textAlign = "left";
    context.font = "13px system-ui, sans-serif";
    context.fillStyle = ink;
    context.fillText(`${its.label} (${formatCount(its.members)})`, x + 33, top);
  });
  y += rows * LINE_PX;
  for (const line of wrapped) write(line, "13px system-ui, sans-serif", soft);
  return new Promise((resolve, reject) => {
    poster.toBlob((blob) => (blob === null ? reject(new Error("no picture could be made")) : resolve(blob)));
  });
}

function cautions({ caution, unmapped }: Drawing): string[] {
  const missing =
    unmapped === null || unmapped === 0
      ? []
      : [`${formatCount(unmapped)} not on the map: no usable location.`];
  return [...missing, ...(caution === null ? [] : [`Caution: ${caution}`])];
}

function sourceLine({ profile, simulated, data_as_of, basemap }: Meta): string {
  const source = simulated
    ? "Simulated data: none of this happened"
    : profile.portal === null
      ? "Reported incidents"
      : `Source: ${new URL(profile.portal).hostname}`;
  return `${source}. Data as of ${data_as_of === null ? "–" : formatCivil(data_as_of)}. Reported incidents, not convictions. Blotter.${basemap?.attribution == null ? "" : ` Base map: ${creditText(basemap.attribution)}`}`;
}

function wrap(context: CanvasRenderingContext2D, text: string, width_px: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && context.measureText(`${last} ${word}`).width <= width_px) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
