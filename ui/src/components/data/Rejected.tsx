/** Records that could not be read, with the reason and the record itself, the newest first. */
import { useState } from "preact/hooks";
import { fetchJson } from "../../api/client";
import type { RejectedPage, RejectedRecord } from "../../api/types";
import { formatReceived } from "../../model/format";
import { useRevision } from "../../state/live";
import { useQuery } from "../../state/query";

const PAGE = 20;

export function Rejected() {
  const { data, error } = useQuery<RejectedPage>(`/api/v1/rejected?limit=${PAGE}`, useRevision());
  const [older, setOlder] = useState<RejectedPage | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const next = older === null ? (data?.next_before ?? null) : older.next_before;
  const rows = [...(data?.rejected ?? []), ...(older?.rejected ?? [])];
  const more = async () => {
    if (next === null) return;
    try {
      const page = await fetchJson<RejectedPage>(`/api/v1/rejected?limit=${PAGE}&before=${next}`);
      setOlder({ ...page, rejected: [...(older?.rejected ?? []), ...page.rejected] });
      setFailure(null);
    } catch (cause) {
      setFailure(cause instanceof Error ? cause.message : String(cause));
    }
  };
  return (
    <section aria-label="Rejected records">
      <h3>Rejected records</h3>
      {data === null ? (
        <p>{error === null ? "Loading…" : `They could not be loaded: ${error.message}.`}</p>
      ) : rows.length === 0 ? (
        <p>None: every record could be read.</p>
      ) : (
        <>
          <Rows rows={rows} />
          {failure !== null && <p role="alert">More could not be loaded: {failure}.</p>}
          {next !== null && (
            <button type="button" class="more" onClick={() => void more()}>
              Show {PAGE} more
            </button>
          )}
        </>
      )}
    </section>
  );
}

function Rows({ rows }: { readonly rows: readonly RejectedRecord[] }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Rejected records, a table">
      <table data-testid="rejected">
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">Origin</th>
            <th scope="col">Observed</th>
            <th scope="col">Record</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.key} ${row.observed_at}`}>
              <td>{row.reason}</td>
              <td>
                <code>{row.key}</code>
              </td>
              <td>{formatReceived(row.observed_at)}</td>
              <td class="rejected-text">
                <code>{row.text ?? `(not UTF-8, in base64) ${row.base64 ?? ""}`}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
