/**
 * Seven days by 24 hours. A grid to the keyboard: arrow keys move, Enter or space chooses, Shift and arrow keys extend
 * a rectangle. Each cell holds its count, so that colour is not needed.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { classOf } from "../../model/classes";
import { formatCount, plural } from "../../model/format";
import { DAYS, hourClasses, hourName, rectangle, toggled, WEEK_HOURS } from "../../model/hours";
import { inkOn, rampColours } from "../../model/ramp";
import { useTheme } from "../../state/theme";

interface Props {
  /** Of the 168 hours; empty where nothing matches. */
  readonly counts: readonly number[];
  readonly chosen: ReadonlySet<number>;
  readonly onChoose: (hours: ReadonlySet<number>) => void;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

export function HourGrid({ counts, chosen, onChoose }: Props) {
  const { theme } = useTheme();
  const grid = useRef<HTMLTableElement>(null);
  const [at, setAt] = useState(0);
  const [from, setFrom] = useState<number | null>(null);
  const isDragging = useRef(false);
  const marked = new Set(from === null ? [] : rectangle(from, at));
  const classes = useMemo(() => hourClasses(counts), [counts]);
  const colours = rampColours(theme, classes.length);
  const commit = (hours: readonly number[]) => onChoose(toggled(chosen, hours));

  // A drag may end anywhere.
  useEffect(() => {
    const stop = () => {
      if (!isDragging.current) return;
      isDragging.current = false;
      if (from !== null) commit(rectangle(from, at));
      setFrom(null);
    };
    window.addEventListener("pointerup", stop);
    return () => window.removeEventListener("pointerup", stop);
  });

  const focus = (hour: number) => {
    setAt(hour);
    grid.current?.querySelector<HTMLElement>(`[data-hour="${hour}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      commit(from === null ? [at] : rectangle(from, at));
      setFrom(null);
      return;
    }
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - 24,
      ArrowDown: at + 24,
      Home: at - (at % 24),
      End: at - (at % 24) + 23,
    };
    const next = moves[event.key];
    if (next === undefined || next < 0 || next >= WEEK_HOURS) return;
    event.preventDefault();
    setFrom(event.shiftKey ? (from ?? at) : null);
    focus(next);
  };
  return (
    <div class="hour-scroll">
      <table
        class="hour-grid"
        role="grid"
        aria-label="Incidents by hour of the week"
        aria-multiselectable="true"
        ref={grid}
        onKeyDown={onKeyDown}
      >
        <thead>
          <tr>
            <td />
            {HOURS.map((hour) => (
              <th key={hour} scope="col">
                {String(hour).padStart(2, "0")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {DAYS.map((name, day) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {HOURS.map((clock) => {
                const hour = day * 24 + clock;
                const count = counts[hour] ?? 0;
                const background = colours[classOf(classes, count)];
                const state = [chosen.has(hour) ? "chosen" : "", marked.has(hour) ? "marked" : ""].join(" ");
                return (
                  <td
                    key={hour}
                    role="gridcell"
                    data-hour={hour}
                    class={state}
                    tabIndex={hour === at ? 0 : -1}
                    aria-selected={chosen.has(hour)}
                    aria-label={`${hourName(hour)}: ${plural(count, "incident", "incidents")}`}
                    title={`${hourName(hour)}: ${plural(count, "incident", "incidents")}`}
                    style={background === undefined ? {} : { background, color: inkOn(background) }}
                    onPointerDown={(event) => {
                      event.preventDefault();
                      isDragging.current = true;
                      setFrom(hour);
                      focus(hour);
                    }}
                    onPointerEnter={() => isDragging.current && setAt(hour)}
                  >
                    {formatCount(count)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <ol class="hour-key" aria-label="Colours: incidents in an hour of the week">
        {classes.map(({ from: least, to }, index) => (
          <li key={least}>
            <i class="swatch" style={{ background: colours[index] }} />
            {least === to ? formatCount(least) : `${formatCount(least)}–${formatCount(to)}`}
          </li>
        ))}
      </ol>
    </div>
  );
}
