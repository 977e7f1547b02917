/** Banners that change how the page is to be read: invented data, a server that is away. */
import type { Meta } from "../../api/types";
import { formatCivil } from "../../model/format";
import type { Connection } from "../../model/live";

interface Props {
  readonly meta: Meta | null;
  readonly connection: Connection;
  readonly failure: string | null;
}

export function Notices({ meta, connection, failure }: Props) {
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
    </>
  );
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
