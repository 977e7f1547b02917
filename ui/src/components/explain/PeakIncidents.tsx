/** The incidents of an explained window, and the page filtered to them. */
import type { Explanation } from "../../api/types";
import { civilMs, civilText } from "../../model/civil";
import { formatCivil, formatCount, titleCase } from "../../model/format";
import { NO_FILTER } from "../../model/filter";
import { formatView } from "../../model/view";
import { useView } from "../../state/view";

export function PeakIncidents({ explained }: { readonly explained: Explanation }) {
  const { view, go } = useView();
  const { incidents, observed, layer, area, category, from, at } = explained;
  const filter = {
    ...NO_FILTER,
    from: civilText(civilMs(from)),
    to: civilText(civilMs(at)),
    categories: [category],
    areas: [{ layer, code: area }],
  };
  return (
    <>
      <h3>The incidents</h3>
      <p class="explanation-link">
        <a
          href={`?${formatView({ ...view, filter })}`}
          data-testid="explanation-link"
          onClick={(event) => {
            event.preventDefault();
            go({ filter });
          }}
        >
          Show these {formatCount(observed)} in map, chart and tables
        </a>
      </p>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Incidents of this window">
        <table class="parts incidents">
          <caption>
            {incidents.length < observed
              ? `The newest ${formatCount(incidents.length)} of ${formatCount(observed)}`
              : `All ${formatCount(observed)}, the newest first`}
          </caption>
          <thead>
            <tr>
              <th scope="col">Occurred</th>
              <th scope="col">What</th>
              <th scope="col">Where</th>
            </tr>
          </thead>
          <tbody>
            {incidents.map((incident) => (
              <tr key={incident.id}>
                <td>
                  <time dateTime={incident.occurred_at}>{formatCivil(incident.occurred_at)}</time>
                </td>
                <td>{titleCase(incident.description ?? "–")}</td>
                <td>
                  {incident.block ?? "–"}
                  {incident.place !== null && (
                    <span class="incident-place"> · {titleCase(incident.place)}</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
