/** Banners that change how the page is to be read: invented data, a server or a source that is away, notes on the data. */
import { formatCivil, formatReceived } from "../../model/format";
import { alarms, notes } from "../../model/sources";
import { useLive } from "../../state/live";

export function Notices() {
  const { state, told } = useLive();
  const { meta, connection, failure, missed } = state;
  const alarming = meta === null ? [] : alarms(meta.sources);
  const noted = meta === null ? [] : notes(meta);
  return (
    <>
      {meta?.simulated === true && (
        <aside class="banner banner-simulated" aria-label="Simulated data" data-testid="simulated-banner">
          <strong>Simulated data.</strong> These incidents are invented. None of them happened; do not cite
          them.
        </aside>
      )}
      {connection === "unreachable" && meta !== null && (
        <aside class="banner banner-stale" aria-label="Stale data" data-testid="stale-banner">
          <span role="alert">
            <strong>Stale.</strong> {failure === null ? "" : `${capital(failure)}. `}
            {meta.data_as_of === null
              ? "Nothing has been received yet."
              : `What you see is as of ${formatCivil(meta.data_as_of)} and may be out of date.`}{" "}
            Trying again…
          </span>
        </aside>
      )}
      {missed !== null && connection !== "paused" && (
        <aside class="banner banner-notes" aria-label="Missed changes" data-testid="missed-banner">
          <p role="status">
            {missed.why === "paused"
              ? "Data arrived while this page was paused."
              : "Data arrived while the connection was away."}{" "}
            All counts were asked for anew at {formatReceived(new Date(missed.at).toISOString())}: none are
            missing.
          </p>
          <button type="button" class="quiet" onClick={told}>
            Close
          </button>
        </aside>
      )}
      {alarming.length > 0 && (
        <aside class="banner banner-stale" aria-label="Sources" data-testid="source-banner">
          {alarming.map(({ title, text }) => (
            <p key={text} role="alert">
              <strong>{title}</strong> {text}
            </p>
          ))}
        </aside>
      )}
      {noted.length > 0 && (
        <aside class="banner banner-notes" aria-label="Notes on the data" data-testid="notes">
          <details open={noted.length < 3}>
            <summary>
              {noted.length === 1 ? "1 note on the data" : `${String(noted.length)} notes on the data`}
            </summary>
            <ul>
              {noted.map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          </details>
        </aside>
      )}
    </>
  );
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
