/** The time series: controls, key, the chart of the filter's period, and the brush over the whole of the data. */
import { useCallback, useMemo, useRef } from "preact/hooks";
import type { AreaLayer, Bucket, Meta, Series } from "../../api/types";
import type { Period } from "../../model/brush";
import { civilMs } from "../../model/civil";
import { filterParams, type Filter } from "../../model/filter";
import { bucketFor, isBucketSensible } from "../../model/period";
import { largest } from "../../model/rank";
import { layOut, type Timeline } from "../../model/timeline";
import { BUCKETS } from "../../model/view";
import { useAsked } from "../../state/asked";
import { useNames } from "../../state/areas";
import { useFollowing } from "../../state/following";
import { useLive, useMeta } from "../../state/live";
import type { Answer } from "../../state/query";
import { useSize } from "../../state/size";
import { useSeriesTally } from "../../state/tallies";
import { useAskedFilter, useView } from "../../state/view";
import { ChartChoice } from "../ChartChoice";
import { Brush } from "./Brush";
import { lineStyle, MOST_LINES } from "./lines";
import { SeriesChart, type Line } from "./SeriesChart";

/** First moment and end of a period, in civil milliseconds. */
type Span = readonly [number, number];

const MINUTE_MS = 60_000;
/** Narrower charts have no room for names beside the lines. */
const LABELLED_FROM_PX = 700;

export function SeriesPanel() {
  const { view, setFilter: onFilter, preview, look } = useView();
  const meta = useMeta();
  const nameOf = useNames();
  const isLive = useLive().state.connection === "live";
  const { at, bucket: chosenBucket, filter: chosen } = view;
  const filter = useAskedFilter();
  const by = knownDimension(view.by, meta.layers);
  const extent = extentOf(meta);
  const [start, end] = periodWithin(filter, extent);
  const automatic = bucketFor(start, end);
  const bucket =
    chosenBucket !== null && isBucketSensible(chosenBucket, start, end) ? chosenBucket : automatic;
  const wholeBucket = bucketFor(...extent);
  const hasData = meta.incidents.total > 0;

  const seriesPath = hasData ? path(by, bucket, filter) : null;
  const series = useFollowing<Series, Span>(seriesPath, useSeriesTally(filter, by, bucket), [start, end]);
  const everything = useMemo(() => ({ ...chosen, from: null, to: null }), [chosen]);
  const whole = useFollowing<Series, Span>(
    hasData ? path("none", wholeBucket, everything) : null,
    useSeriesTally(everything, "none", wholeBucket),
    extent,
  );

  useAsked("Over time", seriesPath);
  const timeline = useTimeline(series);
  const overview = useTimeline(whole);
  const lines = useLines(timeline, series.data, by, nameOf);
  const chart = useRef<HTMLDivElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const chartSize = useSize(chart);
  const stripSize = useSize(strip);
  const isLabelled = chartSize !== null && chartSize.width >= LABELLED_FROM_PX;
  // These stay the same while a period is being dragged, and with them the charts that they are given to.
  const setPeriod = useCallback(
    ({ from, to }: Period) => onFilter({ ...chosen, from, to }),
    [onFilter, chosen],
  );
  /** The chart may show a part of the data only: its ends are open just where the filter's are. */
  const setPeriodWithin = useCallback(
    (period: Period) => setPeriod({ from: period.from ?? chosen.from, to: period.to ?? chosen.to }),
    [setPeriod, chosen],
  );
  const onPreview = useCallback(
    (period: Period | null) => preview(period === null ? null : { ...chosen, ...period }),
    [preview, chosen],
  );
  const isGrowing = isLive && filter.to === null;
  const seriesChart = useMemo(
    () =>
      chartSize !== null &&
      timeline !== null &&
      timeline.buckets.length > 0 && (
        <SeriesChart
          timeline={timeline}
          lines={lines}
          size={chartSize}
          isLive={isGrowing}
          at={at}
          isLabelled={isLabelled}
          onPeriod={setPeriodWithin}
        />
      ),
    [timeline, lines, chartSize, isGrowing, at, isLabelled, setPeriodWithin],
  );
  const brush = useMemo(
    () =>
      stripSize !== null &&
      overview !== null &&
      overview.buckets.length > 1 && (
        <Brush
          timeline={overview}
          counts={overview.series[0]?.counts ?? []}
          period={chosen}
          at={at}
          size={stripSize}
          onPreview={onPreview}
          onPeriod={setPeriod}
        />
      ),
    [overview, chosen, at, stripSize, onPreview, setPeriod],
  );

  return (
    <section class="panel series" data-testid="series" aria-label="Over time" aria-busy={series.loading}>
      <header class="panel-header">
        <ChartChoice />
        {!isLabelled && <Key lines={lines} />}
        <div class="series-controls">
          <Select
            label="Split by"
            value={by}
            options={dimensions(meta.layers)}
            onChange={(dimension) => look({ by: dimension })}
          />
          <Select
            label="Per"
            value={chosenBucket === bucket ? bucket : ""}
            options={[
              { value: "", label: `${automatic} (automatic)` },
              ...BUCKETS.filter((each) => isBucketSensible(each, start, end)).map((each) => ({
                value: each,
                label: each,
              })),
            ]}
            onChange={(value) => look({ bucket: BUCKETS.find((each) => each === value) ?? null })}
          />
        </div>
      </header>
      <div class="chart-box" ref={chart}>
        {seriesChart}
        {(timeline === null || timeline.buckets.length === 0) && (
          <p class="empty">{emptySentence(hasData, timeline !== null, series.error?.message ?? null)}</p>
        )}
      </div>
      <div class="brush-box" ref={strip}>
        {brush}
      </div>
    </section>
  );
}

function emptySentence(hasData: boolean, answered: boolean, error: string | null): string {
  if (error !== null) return `The series could not be loaded: ${error}.`;
  if (!hasData) return "No incidents yet.";
  return answered ? "No incident matches these filters." : "Loading…";
}

function extentOf({ earliest, data_as_of }: Meta): Span {
  const start = earliest === null ? 0 : civilMs(earliest);
  return [start, data_as_of === null ? start : civilMs(data_as_of) + MINUTE_MS];
}

function periodWithin(filter: Filter, [start, end]: Span): Span {
  const from = filter.from === null ? start : Math.max(start, civilMs(filter.from));
  const to = filter.to === null ? end : Math.min(end, civilMs(filter.to));
  return [from, Math.max(from, to)];
}

function path(by: string, bucket: Bucket, filter: Filter): string {
  const params = filterParams(filter);
  const query = params.size === 0 ? "" : `&${params.toString()}`;
  return `/api/v1/series?by=${encodeURIComponent(by)}&bucket=${bucket}${query}`;
}

/**
 * Laid out by bucket and period of the question that was answered, which may be older than the present one: zeros
 * beyond what the server knew then would be an invention.
 */
function useTimeline({ data, path: answered, context }: Answer<Series, Span>): Timeline | null {
  return useMemo(() => {
    if (data === null || answered === null || context === null) return null;
    const asked = new URLSearchParams(answered.split("?")[1]).get("bucket");
    return layOut(data, BUCKETS.find((bucket) => bucket === asked) ?? "day", ...context);
  }, [data, answered, context]);
}

function useLines(
  timeline: Timeline | null,
  series: Series | null,
  by: string,
  nameOf: (dimension: string, key: string) => string,
): Line[] {
  return useMemo(() => {
    if (timeline === null || series === null) return [];
    const shown = largest({ ...series, buckets: timeline.buckets, series: timeline.series }, MOST_LINES);
    const others = series.series.length - MOST_LINES;
    return shown.map(({ key, counts }) => ({
      key: key ?? "(rest)",
      label: key === null ? `${others} others` : by === "none" ? "All incidents" : nameOf(by, key),
      counts,
      isRest: key === null,
    }));
  }, [timeline, series, by, nameOf]);
}

function dimensions(layers: readonly AreaLayer[]): { value: string; label: string }[] {
  return [
    { value: "category", label: "category" },
    ...layers.map(({ name, title }) => ({ value: name, label: title.toLowerCase() })),
    { value: "none", label: "nothing" },
  ];
}

function knownDimension(by: string, layers: readonly AreaLayer[]): string {
  return by === "none" || layers.some(({ name }) => name === by) ? by : "category";
}

function Key({ lines }: { readonly lines: readonly Line[] }) {
  return (
    <ul class="series-key" aria-label="Lines">
      {lines.map((line, index) => {
        const { name, dash } = lineStyle(index, line.isRest);
        return (
          <li key={line.key}>
            <svg class={`key-line ${name}`} width="22" height="8" aria-hidden="true">
              <path d="M0 4H22" stroke-dasharray={dash} />
            </svg>
            {line.label}
          </li>
        );
      })}
    </ul>
  );
}

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly onChange: (value: string) => void;
}

function Select({ label, value, options, onChange }: SelectProps) {
  return (
    <label class="inline-field">
      {label}
      <select value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
