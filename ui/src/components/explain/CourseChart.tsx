/**
 * Observed against expected before the window, hour by hour or day by day, with the usual range as a band; arrow keys
 * read the steps out one by one.
 */
import { useRef, useState } from "preact/hooks";
import type { Explanation } from "../../api/types";
import { timeTicks, valueTicks } from "../../model/axis";
import { addHours, civilMs, civilText } from "../../model/civil";
import { formatCivil, formatCount, formatExpected, plural } from "../../model/format";
import { bucketAt, columnX, countY, edgeX, linePath, type Plot } from "../../model/scale";
import { useSize } from "../../state/size";
import { fits } from "../series/labels";

interface Props {
  readonly course: Explanation["course"];
}

const HEIGHT = 150;
const MARGIN = { left: 34, right: 8, top: 8, bottom: 20 };
const TICK_SPACING_PX = 76;

export function CourseChart({ course }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  return (
    <figure class="course">
      <figcaption class="panel-caption">
        {course.step_hours === 1 ? "Hour by hour" : "Day by day"}: <b>observed</b> (line), expected (dashed),
        and the range in which 9 of 10 counts usually lie (band).
      </figcaption>
      <div ref={box} class="course-box">
        {size !== null && <Chart course={course} width={size.width} />}
      </div>
    </figure>
  );
}

function Chart({ course, width }: Props & { readonly width: number }) {
  const { observed, expected, low, high, step_hours, from } = course;
  const svg = useRef<SVGSVGElement>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const start = civilMs(from);
  const steps = observed.map((_, index) => civilText(addHours(start, index * step_hours)));
  const ticks = valueTicks(Math.max(...observed, ...high, 1), 3);
  const plot: Plot = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: Math.max(width - MARGIN.left - MARGIN.right, 1),
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
    length: observed.length,
    highest: ticks.at(-1) ?? 1,
  };
  const last = observed.length - 1;
  const at = cursor ?? last;
  const bottom = plot.top + plot.height;
  const sentence =
    `${plural(observed[at] ?? 0, "incident", "incidents")}, ${formatExpected(expected[at] ?? 0)} expected, ` +
    `usually ${formatCount(low[at] ?? 0)} to ${formatCount(high[at] ?? 0)}`;
  const when = `${formatCivil(hourly(steps[at] ?? ""))}${step_hours === 1 ? "" : ", one day"}`;
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      PageUp: at - 24,
      PageDown: at + 24,
      Home: 0,
      End: last,
    };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setCursor(Math.min(Math.max(next, 0), last));
  };
  const back = low.map(
    (count, index) => `L${columnX(plot, index).toFixed(1)} ${countY(plot, count).toFixed(1)}`,
  );
  return (
    <>
      <svg
        ref={svg}
        class="spark course-chart"
        width={width}
        height={HEIGHT}
        tabindex={0}
        role="slider"
        aria-label="Course: arrow keys read one step after the other"
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at}
        aria-valuetext={`${when}: ${sentence}`}
        onKeyDown={onKeyDown}
        onBlur={() => setCursor(null)}
        onPointerMove={(event) =>
          setCursor(bucketAt(plot, event.clientX - (svg.current?.getBoundingClientRect().left ?? 0)))
        }
        onPointerLeave={() => setCursor(null)}
      >
        <g class="chart-axes">
          {ticks.map((value) => (
            <g key={value}>
              <line
                x1={plot.left}
                x2={plot.left + plot.width}
                y1={countY(plot, value)}
                y2={countY(plot, value)}
              />
              <text x={plot.left - 5} y={countY(plot, value) + 4} text-anchor="end">
                {formatCount(value)}
              </text>
            </g>
          ))}
          {timeTicks(steps, Math.max(2, Math.floor(plot.width / TICK_SPACING_PX)))
            .filter(({ index, label }) => fits(plot, index, label))
            .map(({ index, label }) => (
              <text key={index} x={edgeX(plot, index)} y={bottom + 15}>
                {label}
              </text>
            ))}
        </g>
        <path class="spark-band" d={`${linePath(plot, high)}${back.toReversed().join("")}Z`} />
        <path class="spark-expected" d={linePath(plot, expected)} />
        <path class="spark-observed" d={linePath(plot, observed)} />
        {cursor !== null && (
          <line
            class="chart-cursor"
            x1={columnX(plot, at)}
            x2={columnX(plot, at)}
            y1={plot.top}
            y2={bottom}
          />
        )}
        <circle cx={columnX(plot, at)} cy={countY(plot, observed[at] ?? 0)} r={3} />
      </svg>
      <p class="course-told" aria-hidden="true">
        <b>{when}</b>: {sentence}
      </p>
    </>
  );
}

/** Midnight is an hour like others here. */
function hourly(civil: string): string {
  return civil.length === 10 ? `${civil}T00:00` : civil;
}
