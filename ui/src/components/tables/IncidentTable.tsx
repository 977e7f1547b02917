/** The newest incidents that match, as published; older ones page by page. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { fetchJson } from "../../api/client";
import type { AreaLayer, Incident, Incidents } from "../../api/types";
import { formatCivil, titleCase } from "../../model/format";
import { useAsked } from "../../state/asked";
import { useAreas } from "../../state/areas";
import { useCalmRevision } from "../../state/calm";
import { apiPath, useAsking } from "../../state/period";
import { useQuery } from "../../state/query";
import { SortableTable, type Column } from "./SortableTable";

const PAGE = 50;

interface Older {
  readonly query: string;
  readonly incidents: readonly Incident[];
  readonly cursor: string | null;
}

interface Props {
  /** What must not move while it is read. */
  readonly element: RefObject<HTMLElement | null>;
}

export function IncidentTable({ element }: Props) {
  const { query } = useAsking();
  const revision = useCalmRevision(element);
  const { layer } = useAreas();
  const path = apiPath(`incidents?limit=${PAGE}`, query);
  useAsked("Latest incidents", path);
  const [older, setOlder] = useState<Older | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => setOlder(null), [query]);
  // Rows must not slide away under a reader who has turned the page: then the newest wait.
  const [held, setHeld] = useState(revision);
  const answer = useQuery<Incidents>(path, older === null ? revision : held);

  const newest = answer.data?.incidents ?? [];
  const cursor = older === null ? (answer.data?.next_cursor ?? null) : older.cursor;
  const more = async () => {
    if (cursor === null || path === null || query === null) return;
    setHeld(revision);
    try {
      const page = await fetchJson<Incidents>(`${path}&cursor=${encodeURIComponent(cursor)}`);
      setOlder({
        query,
        incidents: [...(older?.incidents ?? []), ...page.incidents],
        cursor: page.next_cursor,
      });
      setFailure(null);
    } catch (cause) {
      setFailure(cause instanceof Error ? cause.message : String(cause));
    }
  };
  const rows = unique([...newest, ...(older?.incidents ?? [])]);
  if (path === null) return <p class="empty">The period begins after the moment that is shown.</p>;
  if (answer.data === null) return <p class="empty">{answer.error?.message ?? "Loading…"}</p>;
  if (rows.length === 0) return <p class="empty">No incident matches these filters.</p>;
  return (
    <>
      <SortableTable
        caption={`The newest ${rows.length} incidents that match. Places are those that the city publishes: blocks, not addresses.`}
        columns={columnsFor(layer)}
        rows={rows}
        keyOf={({ id }) => id}
        initial={{ id: "occurred", descending: true }}
      />
      {failure !== null && <p class="empty">More could not be loaded: {failure}.</p>}
      {cursor !== null && (
        <button type="button" class="more" onClick={() => void more()}>
          Show {PAGE} more
        </button>
      )}
    </>
  );
}

function columnsFor(layer: AreaLayer | null): Column<Incident>[] {
  const names = new Map(layer?.areas.map(({ code, name }) => [code, name]));
  const area = (incident: Incident) => {
    const code = layer === null ? null : (incident.areas[layer.name] ?? null);
    return code === null ? null : (names.get(code) ?? code);
  };
  const columns: Column<Incident>[] = [
    {
      id: "occurred",
      title: "Occurred",
      value: ({ occurred_at }) => occurred_at,
      show: ({ occurred_at }) => <time dateTime={occurred_at}>{formatCivil(occurred_at)}</time>,
    },
    { id: "category", title: "Category", value: ({ category }) => titleCase(category) },
    {
      id: "description",
      title: "Description",
      value: ({ description }) => titleCase(description ?? "") || null,
    },
    { id: "place", title: "Place", value: ({ place }) => titleCase(place ?? "") || null },
    { id: "block", title: "Block", value: ({ block }) => block },
  ];
  if (layer !== null) columns.push({ id: "area", title: layer.title, value: area });
  return [
    ...columns,
    { id: "arrest", title: "Arrest", value: ({ arrest }) => yesNo(arrest) },
    { id: "domestic", title: "Domestic", value: ({ domestic }) => yesNo(domestic) },
    { id: "mapped", title: "On the map", value: ({ latitude }) => yesNo(latitude !== null) },
  ];
}

function yesNo(value: boolean | null): string | null {
  return value === null ? null : value ? "yes" : "no";
}

/** While data streams in, a page may overlap the one before it. */
function unique(incidents: readonly Incident[]): Incident[] {
  return [...new Map(incidents.map((incident) => [incident.id, incident])).values()];
}
