/** The counts of one bucket. */
import { civilMs, civilText, nextBucketStart } from "../../model/civil";
import { formatCivil } from "../../model/format";
import type { Timeline } from "../../model/timeline";
import { lineStyle } from "./lines";
import type { Line } from "./SeriesChart";

interface Props {
  readonly timeline: Timeline;
  readonly lines: readonly Line[];
  readonly isDashed: boolean;
  readonly format: (value: number) => string;
  readonly index: number;
  readonly x: number;
  readonly width: number;
}

export function BucketTooltip({ timeline, lines, isDashed, format, index, x, width }: Props) {
  const side = x > width / 2 ? { right: `${width - x + 12}px` } : { left: `${x + 12}px` };
  const total = lines.reduce((sum, { counts }) => sum + (counts[index] ?? 0), 0);
  return (
    <div class="tooltip chart-tooltip" style={side} aria-hidden="true">
      <strong>{bucketName(timeline, index)}</strong>
      <table>
        <tbody>
          {lines.map((line, place) => {
            const { name, dash } = lineStyle(place, line.isRest);
            return (
              <tr key={line.key}>
                <td>
                  <svg class={`key-line ${name}`} width="22" height="8">
                    <path d="M0 4H22" stroke-dasharray={isDashed ? dash : undefined} />
                  </svg>
                </td>
                <td>{line.label}</td>
                <td class="numeric">{format(line.counts[index] ?? 0)}</td>
              </tr>
            );
          })}
          {lines.length > 1 && (
            <tr class="tooltip-total">
              <td />
              <td>All</td>
              <td class="numeric">{format(total)}</td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

/** "Week of 5 Jan 2015", with a word where the bucket is not whole. */
export function bucketName(
  { bucket, buckets, firstIsPartial, lastIsPartial }: Timeline,
  index: number,
): string {
  const start = buckets[index] ?? "";
  const partial =
    index === buckets.length - 1 && lastIsPartial
      ? ", so far"
      : index === 0 && firstIsPartial
        ? ", in part"
        : "";
  return `${name(bucket, start)}${partial}`;
}

function name(bucket: Timeline["bucket"], start: string): string {
  switch (bucket) {
    case "hour":
      return `${formatCivil(start.slice(0, 10))}, ${clock(start)}–${clock(civilText(nextBucketStart(civilMs(start), bucket)))}`;
    case "day":
      return formatCivil(start);
    case "week":
      return `Week of ${formatCivil(start)}`;
    case "month":
      return formatCivil(start).replace(/^\d+ /, "");
    case "year":
      return start.slice(0, 4);
  }
}

function clock(civil: string): string {
  return civil.length > 10 ? civil.slice(11, 16) : "00:00";
}
