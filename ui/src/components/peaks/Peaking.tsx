/** Peaking now: what is beyond its usual variation, the most unusual first. */
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AreaLayer, Peaks } from "../../api/types";
import { capital, formatCivil, formatCount } from "../../model/format";
import type { Filter } from "../../model/filter";
import { peaksParams } from "../../model/layers";
import { peakRows, UNUSUAL_Q, windowName, windowSentence } from "../../model/peaks";
import type { PeakRef } from "../../model/peakref";
import { WINDOWS } from "../../model/view";
import { useCalmRevision } from "../../state/calm";
import { apiPath } from "../../state/period";
import { useAsked } from "../../state/asked";
import { useMarkedAreas } from "../../state/peaking";
import { useQuery } from "../../state/query";
import { useView } from "../../state/view";
import { Explanation } from "../explain/Explanation";
import { PeakItem } from "./PeakItem";

interface Props {
  readonly layer: AreaLayer;
  /** Nothing is asked for a list that nobody sees. */
  readonly isShown: boolean;
}

/** Of each window; more than anybody reads down to. */
const LIMIT = 25;
/** On a phone, until more are asked for. */
const FIRST = 6;
/** Steps of the small chart beside each. */
const COURSE = 21;

export function Peaking({ layer, isShown }: Props) {
  const { view, go } = useView();
  // What was published has no courses.
  const resource = view.as === "said" ? `peaks?limit=${LIMIT}` : `peaks?limit=${LIMIT}&course=${COURSE}`;
  const path = isShown ? apiPath(resource, peaksParams(view, layer.name)) : null;
  const { peak } = view;
  const list = useFocusReturn(peak);
  const answer = useQuery<Peaks>(path, useCalmRevision(list));
  useAsked("Peaking now", path);
  const { data, error } = answer;
  return (
    <>
      {peak !== null && isShown && <Explanation peak={peak} onClose={() => go({ peak: null })} />}
      <section
        ref={list}
        hidden={peak !== null}
        id="peaks"
        data-testid="peaks"
        aria-label="Peaking now"
        aria-busy={answer.loading && answer.path !== path}
      >
        <header class="panel-header">
          <WindowSelect />
          <AsSelect />
        </header>
        {error !== null && error.kind !== "unreachable" ? (
          <p class="empty">{capital(error.message)}.</p>
        ) : data === null ? (
          <p class="empty">Comparing with what is usual…</p>
        ) : (
          <List data={data} layer={layer} />
        )}
      </section>
    </>
  );
}

/** Where an explanation was opened, the reader goes on after it was closed. */
function useFocusReturn(peak: PeakRef | null): RefObject<HTMLElement | null> {
  const list = useRef<HTMLElement>(null);
  const before = useRef(peak);
  useEffect(() => {
    const closed = peak === null ? before.current : null;
    before.current = peak;
    if (closed === null) return;
    const rows = [...(list.current?.querySelectorAll<HTMLElement>("[data-area]") ?? [])];
    const row = rows.find(
      ({ dataset }) => dataset.area === closed.area.code && dataset.category === closed.category,
    );
    (row?.querySelector("button") ?? list.current?.querySelector("select"))?.focus();
  }, [peak]);
  return list;
}

function List({ data, layer }: { readonly data: Peaks; readonly layer: AreaLayer }) {
  const { view } = useView();
  const rows = useMemo(() => peakRows(data, view.window), [data, view.window]);
  useMarkedAreas(
    useMemo(() => rows.filter(({ peak }) => peak.q <= UNUSUAL_Q).map(({ peak }) => peak.area), [rows]),
  );
  const asked = data.windows.filter(({ hours }) => view.window === null || hours === view.window);
  const caveats = asked.flatMap((window) => windowSentence(window) ?? []);
  // On a phone a list within the page would catch the finger that moves the page.
  const [isWhole, setWhole] = useState(() => matchMedia("(min-width: 861px)").matches);
  const shown = isWhole ? rows : rows.slice(0, FIRST);
  const isCalm = rows.every(({ peak }) => peak.q > UNUSUAL_Q);
  return (
    <>
      {caveats.length > 0 && <p class="peaks-caveat">{caveats.join(" ")}</p>}
      {data.at === null && <p class="empty">No incidents yet.</p>}
      {rows.length > 0 && (
        <p class="panel-caption" data-testid="peaks-summary">
          {data.at === null ? "" : `${momentWords(data.at, view.at === null)}. `}
          {isCalm
            ? `Nothing stands out among ${formatCount(data.tests)} comparisons: each of these may be chance.`
            : `Ranked by q, which is corrected for all ${formatCount(data.tests)} comparisons.`}
        </p>
      )}
      {hasOtherFilters(view.filter) && (
        <p class="panel-caption">This list uses only the filters of area and category.</p>
      )}
      {rows.length === 0 && caveats.length < asked.length && data.at !== null && (
        <p class="empty">No incidents of these areas and categories in {windowWords(view.window)}.</p>
      )}
      <ol class="peak-rows">
        {shown.map((row) => (
          <PeakItem key={row.key} row={row} layer={layer} at={data.at ?? ""} />
        ))}
      </ol>
      {shown.length < rows.length && (
        <button type="button" class="quiet more" data-testid="peaks-more" onClick={() => setWhole(true)}>
          Show all {formatCount(rows.length)}
        </button>
      )}
    </>
  );
}

function hasOtherFilters({ arrest, domestic, bbox, hours }: Filter): boolean {
  return arrest !== null || domestic !== null || bbox !== null || hours !== null;
}

function WindowSelect() {
  const { view, look } = useView();
  return (
    <label class="inline-field">
      <span class="visually-hidden">Window</span>
      <select
        data-testid="peaks-window"
        value={view.window ?? ""}
        onChange={({ currentTarget }) =>
          look({ window: WINDOWS.find((hours) => String(hours) === currentTarget.value) ?? null })
        }
      >
        <option value="">most surprising window</option>
        {WINDOWS.map((hours) => (
          <option key={hours} value={hours}>
            last {windowName(hours)}
          </option>
        ))}
      </select>
    </label>
  );
}

function AsSelect() {
  const { view, look } = useView();
  return (
    <label class="inline-field">
      <span class="visually-hidden">Figures</span>
      <select
        data-testid="time-as"
        value={view.as}
        title="With what is known today, or as it was published at that moment"
        onChange={({ currentTarget: { value } }) => look({ as: value === "said" ? "said" : "known" })}
      >
        <option value="known">as known today</option>
        <option value="said">as published then</option>
      </select>
    </label>
  );
}

function windowWords(window: number | null): string {
  return window === null ? "the last 7 days" : `the last ${windowName(window)}`;
}

/** The windows end with the data's newest hour unless another moment was chosen. */
function momentWords(at: string, isNewest: boolean): string {
  return `${isNewest ? "Newest data: until" : "Until"} ${formatCivil(at)}`;
}
