/** Two periods or two areas side by side: both counts, their difference, and both courses on one scale. */
import { useMemo } from "preact/hooks";
import type { Bucket, Series } from "../../api/types";
import { civilMs } from "../../model/civil";
import {
  differenceInWords,
  isOfPeriods,
  sidesOf,
  type Compare as With,
  type Side,
} from "../../model/compare";
import { filterParams } from "../../model/filter";
import { formatCount, formatPeriod, plural } from "../../model/format";
import { bucketFor } from "../../model/period";
import { layOut, type Timeline } from "../../model/timeline";
import { useAreas, useNames } from "../../state/areas";
import { useAsked } from "../../state/asked";
import { useFollowing } from "../../state/following";
import { apiPath, useAsking } from "../../state/period";
import type { Answer } from "../../state/query";
import { useSeriesTally } from "../../state/tallies";
import { ChartChoice } from "../ChartChoice";
import { ChangedHexagons } from "./ChangedHexagons";
import { CompareSide } from "./CompareSide";
import { CompareWith } from "./CompareWith";

interface Props {
  readonly compare: With;
}

const SAME = {
  periods: "There is no period to compare: the period is empty, or there is no data yet.",
  areas: "Both sides would be the same. Choose an area in the filters, and another one here.",
};

export function Compare({ compare }: Props) {
  const { layer, shapes } = useAreas();
  const nameOf = useNames();
  const { filter, extent } = useAsking();
  const ofPeriods = isOfPeriods(compare);
  const sides = useMemo(
    () => sidesOf(compare, filter, extent, layer?.name ?? null, nameOf),
    [compare, filter, extent, layer, nameOf],
  );
  return (
    <section class="panel series compare" data-testid="compare" aria-label="Compare">
      <header class="panel-header">
        <ChartChoice />
        <CompareWith compare={compare} />
      </header>
      {sides === null ? (
        <p class="empty">{ofPeriods ? SAME.periods : SAME.areas}</p>
      ) : (
        <Sides sides={sides} compare={compare} sizeOf={ofPeriods ? () => null : sizeOf} />
      )}
    </section>
  );

  /** Areas of different size are compared by their incidents per km², where they have outlines. */
  function sizeOf({ areas, filter: { bbox } }: Side): number | null {
    if (bbox !== null || shapes.length === 0) return null;
    const sizes = shapes.filter(({ code }) => areas === null || areas.includes(code));
    if (areas !== null && sizes.length < areas.length) return null;
    return sizes.reduce((sum, { area_km2 }) => sum + area_km2, 0);
  }
}

interface SidesProps {
  readonly sides: readonly [Side, Side];
  readonly compare: With;
  readonly sizeOf: (side: Side) => number | null;
}

function Sides({ sides, compare, sizeOf }: SidesProps) {
  const { filter, extent } = useAsking();
  const [a, b] = sides;
  const spanOf = ({ filter: { from, to } }: Side): readonly [number, number] => [
    civilMs(from ?? extent.earliest ?? ""),
    to === null ? civilMs(extent.latest ?? "") + 60_000 : civilMs(to),
  ];
  const bucket = bucketFor(...spanOf(a));
  const [first, second] = [useSide(a, bucket), useSide(b, bucket)];
  const [sizeA, sizeB] = [sizeOf(a), sizeOf(b)];
  const isDense = sizeA !== null && sizeB !== null;
  const lineA = useLine(first, bucket, spanOf(a), isDense ? sizeA : 1);
  const lineB = useLine(second, bucket, spanOf(b), isDense ? sizeB : 1);
  const highest = Math.max(lineA?.highest ?? 0, lineB?.highest ?? 0);
  const failed = first.error ?? second.error;
  if (failed !== null && (lineA === null || lineB === null))
    return <p class="empty">The comparison could not be loaded: {failed.message}.</p>;
  const format = isDense ? formatRate : formatCount;
  const scale = { highest, isWhole: !isDense, format };
  const unit = `${isDense ? "incidents per km²" : "incidents"} a ${bucket}`;
  const ofPeriods = isOfPeriods(compare);
  return (
    <>
      <p class="compare-difference" data-testid="compare-difference">
        {lineA === null || lineB === null ? "Counting…" : sentence(lineA.total, lineB.total)}
      </p>
      <div class="compare-sides">
        <CompareSide testId="compare-a" side={a} line={lineA} size_km2={sizeA} scale={scale} unit={unit} />
        <CompareSide testId="compare-b" side={b} line={lineB} size_km2={sizeB} scale={scale} unit={unit} />
      </div>
      <p class="panel-caption compare-legend">
        Both charts have one scale, in {unit}
        {ofPeriods ? "" : `, ${formatPeriod(filter, extent.earliest, extent.latest)}`}.
      </p>
      {ofPeriods && <ChangedHexagons compare={compare} now={a.filter} before={b.filter} />}
    </>
  );

  function sentence(countA: number, countB: number): string {
    if (ofPeriods) return `${capitalOf(differenceInWords(countA, countB))}.`;
    const counts = `${a.title}: ${plural(countA, "incident", "incidents")}; ${b.title}: ${formatCount(countB)}.`;
    if (!isDense) return counts;
    return `${counts} Per km²: ${formatRate(countA / sizeA)} and ${formatRate(countB / sizeB)}.`;
  }
}

export interface CompareLine {
  readonly timeline: Timeline;
  readonly values: readonly number[];
  readonly highest: number;
  readonly total: number;
}

function useSide({ filter, title }: Side, bucket: Bucket): Answer<Series> {
  const path = apiPath(`series?by=none&bucket=${bucket}`, filterParams(filter).toString());
  useAsked(`Compare: ${title}`, path);
  return useFollowing<Series>(path, useSeriesTally(filter, "none", bucket));
}

function useLine(
  { data }: Answer<Series>,
  bucket: Bucket,
  [start, end]: readonly [number, number],
  size: number,
): CompareLine | null {
  return useMemo(() => {
    if (data === null) return null;
    const timeline = layOut(data, bucket, start, end);
    const counts = timeline.series[0]?.counts ?? timeline.buckets.map(() => 0);
    const values = counts.map((count) => count / size);
    return {
      timeline,
      values,
      highest: Math.max(0, ...values),
      total: counts.reduce((sum, count) => sum + count, 0),
    };
  }, [data, bucket, start, end, size]);
}

function formatRate(value: number): string {
  if (value === 0) return "0";
  return value >= 100 ? formatCount(value) : value.toPrecision(2).replace(/\.0$/, "");
}

function capitalOf(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
