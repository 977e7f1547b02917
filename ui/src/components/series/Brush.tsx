/**
 * The whole of the data, small, with the period of the filter marked on it. Drag to select, drag the selection to move
 * it, or move either end with the arrow keys.
 */
import { useMemo, useRef, useState } from "preact/hooks";
import { timeTicks } from "../../model/axis";
import { moved, periodOf, rangeOf, spanning, type Period, type Range } from "../../model/brush";
import { formatCivil } from "../../model/format";
import { bucketAt, edgeX, linePath, type Plot } from "../../model/scale";
import type { Timeline } from "../../model/timeline";
import type { Size } from "../../state/size";
import { fits } from "./labels";
import { MomentLine } from "./MomentLine";

interface Props {
  readonly timeline: Timeline;
  readonly counts: readonly number[];
  readonly period: Period;
  readonly size: Size;
  /** The moment that is shown as now; null: the newest. */
  readonly at: string | null;
  /** While it is dragged; null: not any more. */
  readonly onPreview: (period: Period | null) => void;
  readonly onPeriod: (period: Period) => void;
}

interface Drag {
  readonly kind: "new" | "move" | "start" | "end";
  readonly at: number;
  readonly range: Range;
}

const MARGIN = { left: 52, right: 14, bottom: 16 };
const TICK_SPACING_PX = 84;
/** As wide as a finger needs at either end. */
const GRIP_PX = 10;

export function Brush({ timeline, counts, period, size, at: moment, onPreview, onPeriod }: Props) {
  const { buckets, bucket } = timeline;
  const svg = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const [draft, setDraft] = useState<Range | null>(null);
  const plot = useMemo(() => plotOf(size, counts, buckets.length), [size, counts, buckets.length]);
  const range = draft ?? rangeOf(period, buckets, bucket);
  // The same elements as before while the brush moves: nothing of them is rendered anew.
  const ground = useMemo(
    () => <Ground plot={plot} buckets={buckets} counts={counts} />,
    [plot, buckets, counts],
  );
  const x = (event: PointerEvent) => event.clientX - (svg.current?.getBoundingClientRect().left ?? 0);
  const preview = (next: Range) => onPreview(periodOf(next, buckets, bucket));
  const commit = (next: Range) => onPeriod(periodOf(next, buckets, bucket));

  const begin = (event: PointerEvent) => {
    svg.current?.setPointerCapture(event.pointerId);
    const [left, right, here] = [edgeX(plot, range.start), edgeX(plot, range.end), x(event)];
    const whole = range.start === 0 && range.end === buckets.length;
    const kind =
      Math.abs(here - left) <= GRIP_PX
        ? "start"
        : Math.abs(here - right) <= GRIP_PX
          ? "end"
          : here > left && here < right && !whole
            ? "move"
            : "new";
    setDrag({ kind, at: bucketAt(plot, here), range });
  };
  const proceed = (event: PointerEvent) => {
    if (drag === null) return;
    const here = bucketAt(plot, x(event));
    const next = dragged(drag, here, buckets.length);
    if (isSame(next, range)) return;
    setDraft(next);
    preview(next);
  };
  const finish = () => {
    // A brush that covers the same buckets again must not round a finer period off.
    if (drag !== null && draft !== null && !isSame(draft, drag.range)) commit(draft);
    else onPreview(null);
    setDrag(null);
    setDraft(null);
  };
  const cancel = () => {
    onPreview(null);
    setDrag(null);
    setDraft(null);
  };

  return (
    <svg
      ref={svg}
      class="brush"
      width={size.width}
      height={size.height}
      data-testid="brush"
      role="group"
      aria-label="Period"
      onPointerDown={begin}
      onPointerMove={proceed}
      onPointerUp={finish}
      onPointerCancel={cancel}
    >
      {ground}
      <rect
        class="brush-outside"
        x={plot.left}
        y={plot.top}
        width={edgeX(plot, range.start) - plot.left}
        height={plot.height}
      />
      <rect
        class="brush-outside"
        x={edgeX(plot, range.end)}
        y={plot.top}
        width={Math.max(0, plot.left + plot.width - edgeX(plot, range.end))}
        height={plot.height}
      />
      <rect
        class="brush-selection"
        x={edgeX(plot, range.start)}
        y={plot.top}
        width={Math.max(1, edgeX(plot, range.end) - edgeX(plot, range.start))}
        height={plot.height}
      />
      <MomentLine timeline={timeline} plot={plot} at={moment} />
      <Handle
        label="Start of the period"
        plot={plot}
        index={range.start}
        highest={range.end - 1}
        lowest={0}
        text={buckets[range.start] ?? ""}
        onIndex={(start) => commit({ start, end: range.end })}
      />
      <Handle
        label="End of the period"
        plot={plot}
        index={range.end}
        lowest={range.start + 1}
        highest={buckets.length}
        text={periodOf(range, buckets, bucket).to ?? "now"}
        onIndex={(end) => commit({ start: range.start, end })}
      />
    </svg>
  );
}

function plotOf(size: Size, counts: readonly number[], length: number): Plot {
  return {
    left: MARGIN.left,
    top: 2,
    width: Math.max(size.width - MARGIN.left - MARGIN.right, 1),
    height: Math.max(size.height - MARGIN.bottom - 2, 1),
    length,
    highest: Math.max(1, ...counts),
  };
}

interface GroundProps {
  readonly plot: Plot;
  readonly buckets: readonly string[];
  readonly counts: readonly number[];
}

/** What the brush moves over. */
function Ground({ plot, buckets, counts }: GroundProps) {
  const bottom = plot.top + plot.height;
  return (
    <>
      <path class="brush-area" d={`${linePath(plot, counts)}V${bottom}H${edgeX(plot, 0.5)}Z`} />
      <g class="chart-axes">
        {timeTicks(buckets, Math.max(2, Math.floor(plot.width / TICK_SPACING_PX)))
          .filter(({ index, label }) => fits(plot, index, label))
          .map(({ index, label }) => (
            <text key={index} x={edgeX(plot, index) + 3} y={bottom + 13}>
              {label}
            </text>
          ))}
      </g>
    </>
  );
}

function isSame(one: Range, other: Range): boolean {
  return one.start === other.start && one.end === other.end;
}

function dragged({ kind, at, range }: Drag, here: number, length: number): Range {
  switch (kind) {
    case "new":
      return spanning(at, here, length);
    case "move":
      return moved(range, here - at, length);
    case "start":
      return spanning(here, range.end - 1, length);
    case "end":
      return spanning(range.start, here, length);
  }
}

interface HandleProps {
  readonly label: string;
  readonly plot: Plot;
  readonly index: number;
  readonly lowest: number;
  readonly highest: number;
  readonly text: string;
  readonly onIndex: (index: number) => void;
}

function Handle({ label, plot, index, lowest, highest, text, onIndex }: HandleProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.round(plot.length / 10));
    const steps: Record<string, number> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      PageDown: index - page,
      PageUp: index + page,
      Home: lowest,
      End: highest,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const clamped = Math.min(Math.max(next, lowest), highest);
    if (clamped !== index) onIndex(clamped);
  };
  const middle = plot.top + plot.height / 2;
  return (
    <g
      class="brush-handle"
      tabindex={0}
      role="slider"
      aria-label={label}
      aria-valuemin={lowest}
      aria-valuemax={highest}
      aria-valuenow={index}
      aria-valuetext={formatCivil(text)}
      transform={`translate(${edgeX(plot, index)} 0)`}
      onKeyDown={onKeyDown}
    >
      <line y1={plot.top} y2={plot.top + plot.height} />
      <rect x={-4} y={middle - 8} width={8} height={16} rx={3} />
    </g>
  );
}
