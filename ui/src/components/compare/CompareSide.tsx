/** One of two that are compared: what it is, its count, and its course on the common scale. */
import { useRef } from "preact/hooks";
import type { Side } from "../../model/compare";
import { formatCount } from "../../model/format";
import { useSize } from "../../state/size";
import { SeriesChart, type Scale } from "../series/SeriesChart";
import type { CompareLine } from "./Compare";

interface Props {
  readonly testId: string;
  readonly side: Side;
  readonly line: CompareLine | null;
  readonly size_km2: number | null;
  readonly scale: Scale;
  readonly unit: string;
}

export function CompareSide({ testId, side: { title }, line, size_km2, scale, unit }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  return (
    <section class="compare-side" data-testid={testId} aria-label={title}>
      <header>
        <h3>{title}</h3>
        <p>
          <strong data-testid={`${testId}-total`}>{line === null ? "…" : formatCount(line.total)}</strong>{" "}
          {line?.total === 1 ? "incident" : "incidents"}
          {size_km2 !== null && ` on ${size_km2 < 100 ? size_km2.toFixed(1) : formatCount(size_km2)} km²`}
        </p>
      </header>
      <div class="chart-box" ref={box}>
        {size !== null && line !== null && line.timeline.buckets.length > 0 && (
          <SeriesChart
            timeline={line.timeline}
            lines={[{ key: "all", label: title, counts: line.values, isRest: false }]}
            size={size}
            isLive={false}
            isLabelled={false}
            at={null}
            onPeriod={null}
            scale={scale}
            label={`${title}, ${unit}: arrow keys read one after the other`}
          />
        )}
        {line?.timeline.buckets.length === 0 && <p class="empty">No incident matches these filters.</p>}
      </div>
    </section>
  );
}
