/** Areas or categories by their totals. A row is a switch: pressing it filters everything else on the page. */
import type { RefObject } from "preact";
import type { Series } from "../api/types";
import { formatCount, formatShare, plural } from "../model/format";
import { rank } from "../model/rank";
import type { Asked } from "../state/query";
import { Choice } from "./Choice";

interface Props {
  readonly element: RefObject<HTMLElement | null>;
  readonly answer: Asked<Series>;
  readonly dimensions: readonly { readonly value: string; readonly label: string }[];
  readonly dimension: string;
  readonly chosen: readonly string[];
  readonly nameOf: (key: string) => string;
  readonly onDimension: (dimension: string) => void;
  readonly onToggle: (key: string) => void;
}

export function RankedList(props: Props) {
  const { element, answer, dimensions, dimension, chosen, nameOf, onDimension, onToggle } = props;
  const rows = answer.data === null ? [] : rank(answer.data);
  const whole = rows.reduce((sum, row) => sum + row.total, 0);
  const greatest = rows[0]?.total ?? 0;
  return (
    <section
      ref={element}
      id="ranked"
      class="ranked"
      data-testid="ranked"
      aria-label="Ranking"
      aria-busy={answer.loading}
    >
      <header class="panel-header">
        <h2>Most incidents</h2>
        <Choice label="Rank by" name="rank" value={dimension} options={dimensions} onChange={onDimension} />
      </header>
      <p class="panel-caption">
        {chosen.length === 0
          ? "Share of the incidents that match."
          : `Share of the ${plural(whole, "incident", "incidents")} that match the other filters.`}
      </p>
      {rows.length === 0 && answer.data !== null && <p class="empty">No incidents for these filters.</p>}
      <ol class="ranked-rows" tabIndex={-1}>
        {rows.map(({ key, total, share }, index) => (
          <li key={key}>
            <button
              type="button"
              class="ranked-row"
              aria-pressed={chosen.includes(key)}
              disabled={key === ""}
              onClick={() => onToggle(key)}
            >
              <span class="ranked-place">{index + 1}</span>
              <span class="ranked-name" title={nameOf(key)}>
                {nameOf(key)}
              </span>
              <span class="ranked-total">{formatCount(total)}</span>
              <span class="ranked-share">{formatShare(total, whole)}</span>
              <i
                class="ranked-bar"
                style={{ width: `${greatest === 0 ? 0 : ((share * whole) / greatest) * 100}%` }}
              />
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
