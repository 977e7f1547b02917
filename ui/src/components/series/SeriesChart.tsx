/**
 * Counts over time, one line a key. Dragging over it selects a period; with the keyboard, arrows read the buckets out
 * one by one. The newest bucket is still filling up and is drawn thinner, so that it is not read as a fall.
 */
import { useRef, useState } from "preact/hooks";
import { timeTicks, valueTicks } from "../../model/axis";
import { periodOf, spanning, type Period } from "../../model/brush";
import { formatCount } from "../../model/format";
import { bucketAt, columnX, countY, edgeX, linePath, spread, type Plot } from "../../model/scale";
import type { Timeline } from "../../model/timeline";
import { useEscape } from "../../state/escape";
import type { Size } from "../../state/size";
import { BucketTooltip, bucketName } from "./BucketTooltip";
import { fits } from "./labels";
import { MomentLine } from "./MomentLine";
import { lineStyle } from "./lines";

export interface Line {
  readonly key: string;
  readonly label: string;
  readonly counts: readonly number[];
  readonly isRest: boolean;
}

interface Props {
  readonly timeline: Timeline;
  readonly lines: readonly Line[];
  readonly size: Size;
  readonly isLive: boolean;
  /** Names stand at the lines' ends; without, dashes and a key tell the lines apart. */
  readonly isLabelled: boolean;
  /** The moment that is shown as now; null: the newest. */
  readonly at: string | null;
  /** null: nothing can be selected. */
  readonly onPeriod: ((period: Period) => void) | null;
  /** Where several charts have one scale: what it must hold, and what is measured. */
  readonly scale?: Scale;
  readonly label?: string;
}

export interface Scale {
  readonly highest: number;
  readonly isWhole: boolean;
  readonly format: (value: number) => string;
}

const MARGIN = { left: 52, right: 14, top: 10, bottom: 22 };
const LABEL_WIDTH_PX = 150;
const LABEL_GAP_PX = 14;
const TICK_SPACING_PX = 84;

export function SeriesChart(props: Props) {
  const { timeline, lines, size, isLive, isLabelled, at: moment, onPeriod, scale, label } = props;
  const { buckets, bucket } = timeline;
  const svg = useRef<SVGSVGElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  useEscape(cursor !== null, () => setCursor(null));
  const [dragFrom, setDragFrom] = useState<number | null>(null);
  const highest = scale?.highest ?? lines.reduce((most, { counts }) => Math.max(most, ...counts), 0);
  const ticks = valueTicks(highest, undefined, scale?.isWhole);
  const format = scale?.format ?? formatCount;
  const plot: Plot = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: Math.max(size.width - MARGIN.left - (isLabelled ? LABEL_WIDTH_PX : MARGIN.right), 1),
    height: Math.max(size.height - MARGIN.top - MARGIN.bottom, 1),
    length: buckets.length,
    highest: ticks.at(-1) ?? 1,
  };
  const at = cursor === null ? null : Math.min(cursor, buckets.length - 1);
  const indexOf = (event: PointerEvent) =>
    bucketAt(plot, event.clientX - (svg.current?.getBoundingClientRect().left ?? 0));
  const select = (a: number, b: number) =>
    onPeriod?.(periodOf(spanning(a, b, buckets.length), buckets, bucket));
  const onKeyDown = (event: KeyboardEvent) => {
    const here = at ?? buckets.length - 1;
    const page = Math.max(1, Math.round(buckets.length / 10));
    const steps: Record<string, number> = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      PageDown: here - page,
      PageUp: here + page,
      Home: 0,
      End: buckets.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setCursor(Math.min(Math.max(next, 0), buckets.length - 1));
  };
  const drag = dragFrom === null || at === null ? null : spanning(dragFrom, at, buckets.length);

  return (
    <div class="chart">
      <svg
        ref={svg}
        width={size.width}
        height={size.height}
        tabindex={0}
        role="slider"
        aria-label={label ?? "Time series: arrow keys read one bucket after the other"}
        aria-valuemin={0}
        aria-valuemax={buckets.length - 1}
        aria-valuenow={at ?? buckets.length - 1}
        aria-valuetext={sentence(timeline, lines, at ?? buckets.length - 1, format)}
        onKeyDown={onKeyDown}
        onFocus={({ currentTarget }) =>
          currentTarget.matches(":focus-visible") && setCursor(buckets.length - 1)
        }
        onBlur={() => setCursor(null)}
        onPointerLeave={() => dragFrom === null && setCursor(null)}
        onPointerMove={(event) => setCursor(indexOf(event))}
        onPointerDown={(event) => {
          if (onPeriod === null) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDragFrom(indexOf(event));
        }}
        onPointerCancel={() => setDragFrom(null)}
        onPointerUp={(event) => {
          const to = indexOf(event);
          // A click is no period.
          if (dragFrom !== null && to !== dragFrom) select(dragFrom, to);
          setDragFrom(null);
        }}
      >
        <Axes plot={plot} values={ticks} buckets={buckets} format={format} />
        {drag !== null && dragFrom !== at && (
          <rect
            class="chart-drag"
            x={edgeX(plot, drag.start)}
            y={plot.top}
            width={edgeX(plot, drag.end) - edgeX(plot, drag.start)}
            height={plot.height}
          />
        )}
        {lines.toReversed().map((line) => (
          <ChartLine
            key={line.key}
            plot={plot}
            line={line}
            index={lines.indexOf(line)}
            timeline={timeline}
            isLive={isLive}
            isDashed={!isLabelled}
          />
        ))}
        {isLabelled && <LineLabels plot={plot} lines={lines} />}
        <MomentLine timeline={timeline} plot={plot} at={moment} />
        {at !== null && (
          <line
            class="chart-cursor"
            x1={columnX(plot, at)}
            x2={columnX(plot, at)}
            y1={plot.top}
            y2={plot.top + plot.height}
          />
        )}
      </svg>
      {at !== null && (
        <BucketTooltip
          isDashed={!isLabelled}
          timeline={timeline}
          format={format}
          lines={lines}
          index={at}
          x={columnX(plot, at)}
          width={size.width}
        />
      )}
    </div>
  );
}

function sentence(
  timeline: Timeline,
  lines: readonly Line[],
  index: number,
  format: (value: number) => string,
): string {
  const counts = lines.map(({ label, counts }) => `${label} ${format(counts[index] ?? 0)}`);
  return `${bucketName(timeline, index)}: ${counts.join(", ")}`;
}

interface AxesProps {
  readonly plot: Plot;
  readonly values: readonly number[];
  readonly buckets: readonly string[];
  readonly format: (value: number) => string;
}

function Axes({ plot, values, buckets, format }: AxesProps) {
  const bottom = plot.top + plot.height;
  return (
    <g class="chart-axes">
      {values.map((value) => (
        <g key={value}>
          <line
            x1={plot.left}
            x2={plot.left + plot.width}
            y1={countY(plot, value)}
            y2={countY(plot, value)}
          />
          <text x={plot.left - 8} y={countY(plot, value) + 4} text-anchor="end">
            {format(value)}
          </text>
        </g>
      ))}
      {timeTicks(buckets, Math.max(2, Math.floor(plot.width / TICK_SPACING_PX))).map(({ index, label }) => (
        <g key={index}>
          <line x1={edgeX(plot, index)} x2={edgeX(plot, index)} y1={bottom} y2={bottom + 5} />
          {fits(plot, index, label) && (
            <text x={edgeX(plot, index) + 3} y={bottom + 16}>
              {label}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}

interface ChartLineProps {
  readonly plot: Plot;
  readonly line: Line;
  readonly index: number;
  readonly timeline: Timeline;
  readonly isLive: boolean;
  readonly isDashed: boolean;
}

function ChartLine({ plot, line, index, timeline, isLive, isDashed }: ChartLineProps) {
  const { name, dash } = lineStyle(index, line.isRest);
  const { counts } = line;
  const last = counts.length - 1;
  const [start, end] = [timeline.firstIsPartial ? 1 : 0, timeline.lastIsPartial ? last : counts.length];
  return (
    <g class={`chart-line ${name}`}>
      <path d={linePath(plot, counts, start, end)} stroke-dasharray={isDashed ? dash : undefined} />
      {start > 0 && <path class="chart-partial" d={linePath(plot, counts, 0, 2)} />}
      {end === last && last > 0 && <path class="chart-partial" d={linePath(plot, counts, last - 1)} />}
      {(isLive || last === 0) && (
        <circle
          class={isLive ? "chart-live" : ""}
          cx={columnX(plot, last)}
          cy={countY(plot, counts[last] ?? 0)}
          r={3}
        />
      )}
    </g>
  );
}

function LineLabels({ plot, lines }: { readonly plot: Plot; readonly lines: readonly Line[] }) {
  const right = plot.left + plot.width;
  const ends = lines.map(({ counts }) => countY(plot, counts.at(-1) ?? 0));
  const heights = spread(ends, LABEL_GAP_PX, plot.top, plot.top + plot.height);
  return (
    <g class="chart-labels">
      {lines.map((line, index) => (
        <g key={line.key} class={lineStyle(index, line.isRest).name}>
          <path d={`M${right + 1} ${ends[index] ?? 0}L${right + 10} ${heights[index] ?? 0}`} />
          <text x={right + 13} y={(heights[index] ?? 0) + 4}>
            {line.label.length > 19 ? `${line.label.slice(0, 18)}…` : line.label}
          </text>
        </g>
      ))}
    </g>
  );
}
