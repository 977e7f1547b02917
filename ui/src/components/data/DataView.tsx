/** The data behind the page: sources, what could not be read or placed, versions, and every view's question to the API. */
import { useAllAsked } from "../../state/asked";
import { formatCount, formatReceived, plural } from "../../model/format";
import { useMeta } from "../../state/live";
import { CopyButton } from "../CopyButton";
import { Rejected } from "./Rejected";

export function DataView() {
  return (
    <div class="data-view" data-testid="data-view">
      <Sources />
      <Quality />
      <Rejected />
      <Queries />
    </div>
  );
}

function Sources() {
  const { sources } = useMeta();
  return (
    <section aria-label="Sources">
      <h3>Sources</h3>
      {sources.length === 0 ? (
        <p>No source is read here.</p>
      ) : (
        <div class="table-scroll" tabIndex={0} role="region" aria-label="Sources, a table">
          <table data-testid="sources">
            <thead>
              <tr>
                <th scope="col">Source</th>
                <th scope="col">State</th>
                <th scope="col">Last answer</th>
                <th scope="col">Failing since</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {sources.map((source) => (
                <tr key={source.name}>
                  <td>
                    {source.describe}
                    {source.notices.map(({ text }) => (
                      <p key={text}>⚠ {text}</p>
                    ))}
                  </td>
                  <td>{STATES[source.state]}</td>
                  <td>
                    {source.last_success_at === null ? "never" : formatReceived(source.last_success_at)}
                  </td>
                  <td>{source.failing_since === null ? "–" : formatReceived(source.failing_since)}</td>
                  <td>{source.why ?? "–"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const STATES = {
  loading: "loading: has more to deliver",
  following: "following: everything delivered, asked for changes",
  failing: "failing: cannot be read, earlier records stay",
  held: "held: part of it waits for a confirmation",
  ended: "ended: everything delivered, no changes follow",
} as const;

function Quality() {
  const { incidents, rejected, layers, snapshot, next_offsets, received_at } = useMeta();
  const offsets = Object.entries(next_offsets).map(([partition, offset]) => `${partition}:${offset}`);
  return (
    <section aria-label="Counts and versions">
      <h3>Counts and versions</h3>
      <dl class="data-facts">
        <Fact name="Incidents" value={formatCount(incidents.total)} />
        <Fact name="On the map" value={formatCount(incidents.mapped)} />
        <Fact name="Without a usable location" value={formatCount(incidents.unmapped)} />
        <Fact name="Rejected records" value={formatCount(rejected)} />
        {layers.map(({ name, title, disagreeing, boundaries }) => (
          <Fact
            key={name}
            name={`${title}: published area and outline disagree`}
            value={
              disagreeing === null || !boundaries
                ? "outlines unknown"
                : `${plural(disagreeing, "incident", "incidents")}; the published area counts`
            }
          />
        ))}
        <Fact
          name="Snapshot in use"
          value={snapshot.version === null ? "none" : `version ${snapshot.version}`}
        />
        {snapshot.refused !== null && (
          <Fact
            name="Refused snapshot"
            value={`version ${snapshot.refused.version ?? "unknown"}: ${snapshot.refused.why}`}
          />
        )}
        <Fact
          name="Newest record received"
          value={received_at === null ? "none" : formatReceived(received_at)}
        />
        <Fact name="Next offsets of the log" value={offsets.join(", ")} />
      </dl>
    </section>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Queries() {
  const asked = useAllAsked();
  return (
    <section aria-label="The query behind each view">
      <h3>The query behind each view</h3>
      <p class="data-note">
        Add <code>format=csv</code>, <code>geojson</code> or <code>arrow</code> for other formats.{" "}
        <a href="/openapi.json">The API’s description</a>
      </p>
      <ul class="data-queries" data-testid="queries">
        {asked.map(([view, path]) => (
          <li key={view}>
            <span>{view}</span>
            <a href={path}>
              <code>{decodeURIComponent(path)}</code>
            </a>
            <CopyButton label="Copy" text={() => new URL(path, location.href).href} />
          </li>
        ))}
      </ul>
    </section>
  );
}
