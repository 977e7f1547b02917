/** Moves "now" through the past: steps, a wished-for hour, playing, and whether as known today or as published then. */
import { useEffect, useState } from "preact/hooks";
import { civilMs, civilText } from "../../model/civil";
import { formatCivil } from "../../model/format";
import { moveTo, newestHour, stepped, within, type Extent, type StepUnit } from "../../model/moment";
import { useMeta } from "../../state/live";
import { useView } from "../../state/view";

/** A frame of the film; pages ask no more than once a second anyway. */
const FRAME_MS = 1000;

export function TimeControl() {
  const { view, look } = useView();
  const { earliest, data_as_of: latest } = useMeta();
  const extent: Extent = { earliest, latest };
  const [pace, setPace] = useState<StepUnit>("day");
  const [playing, setPlaying] = useState(false);
  const { at } = view;
  const move = (to: string | null) => {
    const next = moveTo(view, to, latest);
    look({ at: next.at, filter: next.filter, as: next.at === null ? "known" : view.as });
  };
  const step = (unit: StepUnit, count: number) => move(stepped(at, unit, count, extent));
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => {
      if (at === null) setPlaying(false);
      else step(pace, 1);
    }, FRAME_MS);
    return () => clearTimeout(timer);
    // The next frame follows from the last one's moment.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [playing, at, pace]);
  if (latest === null) return null;
  const shown = at ?? newestHour(latest);
  return (
    <div class="time-control" role="group" aria-label="Moment shown" data-testid="time-control">
      <Steps direction={-1} step={step} isDisabled={false} />
      <label class="inline-field time-at">
        <span class="visually-hidden">Moment shown as now, city time</span>
        <input
          type="datetime-local"
          step={3600}
          data-testid="time-at"
          value={shown}
          min={earliest === null ? undefined : civilText(civilMs(earliest))}
          max={newestHour(latest)}
          onChange={({ currentTarget: { value } }) => {
            setPlaying(false);
            if (Number.isFinite(civilMs(value))) move(within(value, extent));
          }}
        />
      </label>
      <Steps direction={1} step={step} isDisabled={at === null} />
      <button
        type="button"
        class="quiet"
        data-testid="time-play"
        aria-pressed={playing}
        onClick={() => {
          // From the newest moment on there is nothing to play: a week before it is a start.
          if (!playing && at === null) step("week", -1);
          setPlaying(!playing);
        }}
      >
        {playing ? "❚❚ Pause" : "▶ Play"}
      </button>
      <label class="inline-field">
        <span class="visually-hidden">Pace: one step a second</span>
        <select
          data-testid="time-pace"
          value={pace}
          title="Pace: one step a second"
          onChange={({ currentTarget: { value } }) => setPace(UNITS.find((unit) => unit === value) ?? "day")}
        >
          {UNITS.map((unit) => (
            <option key={unit} value={unit}>
              {unit}/s
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="quiet"
        data-testid="time-now"
        disabled={at === null}
        onClick={() => {
          setPlaying(false);
          move(null);
        }}
      >
        Now
      </button>
      <p class="visually-hidden" role="status">
        {playing || at === null ? "" : `Shown as of ${formatCivil(at)}.`}
      </p>
    </div>
  );
}

const UNITS: readonly StepUnit[] = ["hour", "day", "week"];
const SHORT: Readonly<Record<StepUnit, string>> = { hour: "h", day: "d", week: "w" };

interface StepsProps {
  readonly direction: 1 | -1;
  readonly step: (unit: StepUnit, count: number) => void;
  readonly isDisabled: boolean;
}

function Steps({ direction, step, isDisabled }: StepsProps) {
  // The widest stands outermost, on both sides.
  const units = direction < 0 ? UNITS.toReversed() : UNITS;
  const word = direction < 0 ? "back" : "forward";
  return (
    <span class="steps">
      {units.map((unit) => (
        <button
          key={unit}
          type="button"
          class="quiet"
          data-testid={`time-${word}-${unit}`}
          aria-label={`One ${unit} ${word}`}
          title={`One ${unit} ${word}`}
          disabled={isDisabled}
          onClick={() => step(unit, direction)}
        >
          {direction < 0 ? `−${SHORT[unit]}` : `+${SHORT[unit]}`}
        </button>
      ))}
    </span>
  );
}
