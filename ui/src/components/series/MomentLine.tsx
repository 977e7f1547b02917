/** Where the moment that is shown as now lies in a chart; what came later is fainter. */
import { civilMs, nextBucketStart } from "../../model/civil";
import { edgeX, type Plot } from "../../model/scale";
import type { Timeline } from "../../model/timeline";

interface Props {
  readonly timeline: Timeline;
  readonly plot: Plot;
  readonly at: string | null;
}

export function MomentLine({ timeline: { buckets, bucket }, plot, at }: Props) {
  if (at === null) return null;
  const ms = civilMs(at);
  const index = buckets.findLastIndex((start) => civilMs(start) <= ms);
  const start = civilMs(buckets[index] ?? "");
  if (!Number.isFinite(start)) return null;
  const share = (ms - start) / (nextBucketStart(start, bucket) - start);
  if (share > 1) return null;
  const x = edgeX(plot, index + share);
  return (
    <>
      <rect
        class="chart-later"
        x={x}
        y={plot.top}
        width={Math.max(plot.left + plot.width - x, 0)}
        height={plot.height}
      />
      <line class="chart-moment" x1={x} x2={x} y1={plot.top} y2={plot.top + plot.height} />
    </>
  );
}
