/** How fresh the page is: event time, ingest time, what could not be mapped or read, and the live connection. */
import type { Meta } from "../../api/types";
import { formatCivil, formatCount, formatReceived } from "../../model/format";
import type { Connection } from "../../model/live";
import { hasEnded, newestIfOld, standingOf } from "../../model/sources";
import { useLive } from "../../state/live";
import { useNow } from "../../state/now";
import { Figure } from "./Figure";

/** A sign beside the word: states are told apart without colour. */
const STATES: Readonly<Record<Connection, { readonly sign: string; readonly text: string }>> = {
  connecting: { sign: "○", text: "Connecting" },
  live: { sign: "●", text: "Live" },
  reconnecting: { sign: "◌", text: "Reconnecting" },
  unreachable: { sign: "✕", text: "Stale: server unreachable" },
  paused: { sign: "‖", text: "Paused" },
};

const MINUTE_MS = 60_000;

export function Freshness() {
  const live = useLive();
  const { meta, connection } = live.state;
  const paused = connection === "paused";
  const now = useNow(MINUTE_MS);
  const old = connection === "live" && meta !== null ? newestIfOld(meta, now) : null;
  const { sign, text } = old === null ? STATES[connection] : { sign: "○", text: old };
  return (
    <section class="freshness" data-testid="freshness" data-state={connection} aria-label="Freshness">
      <div class="freshness-state">
        <span class={`connection connection-${old === null ? connection : "old"}`}>
          <i aria-hidden="true">{sign}</i> {text}
        </span>
        {(paused || meta === null || !hasEnded(meta)) && (
          <button type="button" class="quiet" onClick={paused ? live.resume : live.pause}>
            {paused ? "Resume" : "Pause"}
          </button>
        )}
      </div>
      {meta !== null && <Figures meta={meta} />}
    </section>
  );
}

function Figures({ meta }: { readonly meta: Meta }) {
  const { data_as_of, received_at, incidents, rejected } = meta;
  const source = standingOf(meta);
  return (
    <dl class="figures">
      <Figure
        name="Data as of"
        value={data_as_of === null ? "no data yet" : formatCivil(data_as_of)}
        hint="When the newest incident happened, on the city's clock"
      />
      <Figure
        name="Received"
        value={received_at === null ? "nothing yet" : formatReceived(received_at)}
        hint="When the newest record reached this server, on your clock"
      />
      <Figure
        name="Not mapped"
        value={formatCount(incidents.unmapped)}
        hint="Incidents without a usable location: counted everywhere except on the map"
      />
      <Figure
        name="Rejected"
        value={formatCount(rejected)}
        hint="Records that could not be read; they are kept with the reason and are in no count"
      />
      <Figure name="Source" value={source.value} hint={source.hint} alarming={source.alarming} />
    </dl>
  );
}
