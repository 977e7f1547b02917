/** Why is this peaking? Observed against expected before, which parts hold more than their share, and the incidents. */
import { useEffect, useRef } from "preact/hooks";
import type { Explanation as Explained } from "../../api/types";
import { riseInWords } from "../../model/course";
import { circumstances, highlights, hourRows, partRows, verdict } from "../../model/explain";
import { capital, formatCivil, formatTest, titleCase } from "../../model/format";
import { percentText } from "../../model/peaks";
import type { PeakRef } from "../../model/peakref";
import { feedPath } from "../../model/feed";
import { formatArea } from "../../model/filter";
import { standing } from "../../model/unusual";
import { useAsked } from "../../state/asked";
import { useNames } from "../../state/areas";
import { useRevision } from "../../state/live";
import { useQuery } from "../../state/query";
import { useTheme } from "../../state/theme";
import { useView } from "../../state/view";
import { Swatch } from "../map/Swatch";
import { FeedLink } from "../share/FeedLink";
import { CourseChart } from "./CourseChart";
import { PartTable } from "./PartTable";
import { PeakIncidents } from "./PeakIncidents";

interface Props {
  readonly peak: PeakRef;
  readonly onClose: () => void;
}

export function Explanation({ peak, onClose }: Props) {
  const { view } = useView();
  const nameOf = useNames();
  const heading = useRef<HTMLHeadingElement>(null);
  const path = explainPath(peak, view.at);
  const { data, error, path: answered } = useQuery<Explained>(path, useRevision());
  useAsked("Explanation", path);
  const place = nameOf(peak.area.layer, peak.area.code);
  // Whoever opened it goes on reading here; whoever followed a link starts at the top of the page.
  useEffect(() => {
    if (document.documentElement.dataset.ready === "true") heading.current?.focus();
  }, [peak]);
  return (
    <section
      id="explanation"
      class="explanation"
      data-testid="explanation"
      aria-label="Explanation"
      aria-busy={answered !== path}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onClose();
      }}
    >
      <header class="explanation-header">
        <h2 ref={heading} tabIndex={-1}>
          Why {titleCase(peak.category).toLowerCase()} in {place}?
        </h2>
        <button type="button" class="quiet" data-testid="explanation-close" onClick={onClose}>
          Close <i aria-hidden="true">×</i>
        </button>
      </header>
      {error !== null && data === null ? (
        <p class="empty">{capital(error.message)}.</p>
      ) : data === null || answered !== path ? (
        <p class="empty">Comparing with what is usual…</p>
      ) : (
        <Body explained={data} place={place} />
      )}
      <p class="explanation-link">
        <FeedLink
          path={feedPath({ areas: [peak.area], categories: [peak.category] }, peak.area.layer)}
          label={`Subscribe to episodes of ${titleCase(peak.category).toLowerCase()} in ${place}`}
          testId="explanation-feed"
        />
      </p>
    </section>
  );
}

function Body({ explained, place }: { readonly explained: Explained; readonly place: string }) {
  const { view } = useView();
  const { theme } = useTheme();
  const { q, percent_more, observed, expected } = explained;
  const percent = percentText({ percent_more });
  const its = q === null ? null : standing(q);
  const rise = riseInWords(explained.course, explained.at);
  const parts = highlights(explained);
  return (
    <div class="explanation-body">
      <p class="explanation-verdict" data-testid="explanation-verdict">
        <strong>{verdict(explained)}</strong>
        {percent !== null && ` (${percent})`}
        {its !== null && q !== null && (
          <>
            {" "}
            {its.colours !== null && (
              <Swatch its={{ colours: its.colours, sign: its.sign }} theme={theme} />
            )}{" "}
            {capital(its.words)} ({formatTest("q", q)}).
          </>
        )}
      </p>
      {parts !== null && (
        <p class="explanation-parts" data-testid="explanation-parts">
          {parts}
        </p>
      )}
      <p class="panel-caption">
        {rise !== null && `${rise}. `}
        From {formatCivil(explained.from)} to {formatCivil(explained.at)}
        {view.as === "said" &&
          "; explained with what is known today, which may differ from what was published"}
        .
      </p>
      <CourseChart course={explained.course} />
      <PartTable
        title="Blocks"
        rows={partRows(explained.blocks, asPublished)}
        observed={observed}
        expected={expected}
      />
      <PartTable
        title="Descriptions"
        rows={partRows(explained.descriptions)}
        observed={observed}
        expected={expected}
      />
      <PartTable title="Places" rows={partRows(explained.places)} observed={observed} expected={expected} />
      <PartTable
        title="Hours of the day"
        rows={hourRows(explained.hours)}
        observed={observed}
        expected={expected}
      />
      <h3>What else plays a part</h3>
      <ul class="explanation-facts">
        {circumstances(explained, place).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <PeakIncidents explained={explained} />
    </div>
  );
}

function explainPath({ area, hours, category }: PeakRef, at: string | null): string {
  const params = new URLSearchParams({ area: formatArea(area), category, window: String(hours) });
  if (at !== null) params.set("at", at);
  return `/api/v1/explain?${params.toString()}`;
}

/** Addresses are abbreviations in capitals. */
function asPublished(text: string): string {
  return text;
}
