/** One peak: where and what, observed against expected, how unusual, and how it came about. */
import type { AreaLayer } from "../../api/types";
import { areaName, capital, formatCount, formatExpected, formatTest, titleCase } from "../../model/format";
import { riseInWords } from "../../model/course";
import { percentText, peakSentence, UNUSUAL_Q, windowName, type PeakRow } from "../../model/peaks";
import { samePeak, type PeakRef } from "../../model/peakref";
import { standing } from "../../model/unusual";
import { useTheme } from "../../state/theme";
import { useView } from "../../state/view";
import { Swatch } from "../map/Swatch";
import { Sparkline } from "./Sparkline";

interface Props {
  readonly row: PeakRow;
  readonly layer: AreaLayer;
  /** Where the windows end. */
  readonly at: string;
}

/** By the shortest window in which it is unusual; steps of a week would say no more than the window does. */
function riseOf({ peak, hours, others }: PeakRow, at: string): string | null {
  const [shortest] = [{ peak, hours }, ...others].toSorted((a, b) => a.hours - b.hours);
  const course = shortest?.peak.course;
  return course === undefined || course.step_hours > 24 ? null : riseInWords(course, at);
}

export function PeakItem({ row, layer, at }: Props) {
  const { view, go } = useView();
  const { theme } = useTheme();
  const { peak, hours, others } = row;
  const area = areaName([layer], layer.name, peak.area);
  const { words, sign, colours } = standing(peak.q);
  const percent = percentText(peak);
  const ref: PeakRef = { area: { layer: layer.name, code: peak.area }, hours, category: peak.category };
  const rise = peak.q > UNUSUAL_Q ? null : riseOf(row, at);
  const isChosen = samePeak(view.peak, ref);
  return (
    <li data-testid="peak" data-area={peak.area} data-category={peak.category} data-hours={hours}>
      <button
        type="button"
        class="peak-row"
        aria-expanded={isChosen}
        aria-controls="explanation"
        aria-label={peakSentence(row, area)}
        onClick={() => go({ peak: isChosen ? null : ref })}
      >
        <span class="peak-name">
          {titleCase(peak.category)} <span class="peak-area">· {area}</span>
        </span>
        <span class="peak-counts">
          <strong>{formatCount(peak.observed)}</strong> in {windowName(hours)},{" "}
          {formatExpected(peak.expected)} expected
          {percent !== null && <span class="peak-percent"> ({percent})</span>}
        </span>
        <span class="peak-standing">
          {colours === null ? null : <Swatch its={{ colours, sign }} theme={theme} />}
          {capital(words)}, <span class="nowrap">{formatTest("q", peak.q)}</span>
        </span>
        {rise !== null && <span class="peak-since">{rise}</span>}
        {peak.course !== undefined && <Sparkline course={peak.course} />}
        {others.length > 0 && (
          <span class="peak-others">
            also{" "}
            {others
              .map(
                (other) =>
                  `${formatCount(other.peak.observed)} in ${windowName(other.hours)} (${formatExpected(other.peak.expected)} expected)`,
              )
              .join(", ")}
          </span>
        )}
      </button>
    </li>
  );
}
