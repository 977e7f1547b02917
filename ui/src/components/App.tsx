/** The page's frame: what is there before the first answer of the server and whatever its state. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Connection } from "../model/live";
import { LiveProvider, useLive } from "../state/live";
import { ThemeProvider } from "../state/theme";
import { useView, ViewProvider } from "../state/view";
import { Dashboard } from "./Dashboard";
import { Disclaimer } from "./Disclaimer";
import { Freshness } from "./badge/Freshness";
import { Notices } from "./badge/Notices";
import { FindBox } from "./find/FindBox";
import { TakeAway } from "./share/TakeAway";
import { ThemeToggle } from "./ThemeToggle";

export function App() {
  return (
    <ThemeProvider>
      <ViewProvider>
        <LiveProvider>
          <Page />
        </LiveProvider>
      </ViewProvider>
    </ThemeProvider>
  );
}

function Page() {
  const { meta, connection } = useLive().state;
  const city = meta?.profile.name ?? null;
  useEffect(() => {
    document.title = city === null ? "Blotter" : `${city} – Blotter`;
  }, [city]);

  const head = (
    <>
      <a class="skip" href="#lists">
        Skip the map
      </a>
      <header class="top">
        <div class="brand">
          <Logo />
          <h1>Blotter{city !== null && <span class="brand-city">{city}</span>}</h1>
        </div>
        <Freshness />
        <div class="top-actions">
          {/* What is shown is known only where the map is asked for. */}
          {meta !== null && <FindBox />}
          {meta !== null && <TakeAway />}
          <ThemeToggle />
        </div>
      </header>
      <Notices />
    </>
  );
  const { embed } = useView().view;
  if (meta === null) return <Waiting head={head} connection={connection} />;
  return (
    <div class={embed ? "page page-embedded" : "page"}>
      {embed && <Notices />}
      <Dashboard head={head} meta={meta} />
      <Disclaimer profile={meta.profile} simulated={meta.simulated} />
    </div>
  );
}

interface WaitingProps {
  readonly head: ComponentChildren;
  readonly connection: Connection;
}

function Waiting({ head, connection }: WaitingProps) {
  return (
    <div class="page">
      <div class="first-screen">
        {head}
        <main class="waiting">
          <p role="status">
            {connection === "unreachable"
              ? "The server cannot be reached. This page tries again by itself."
              : "Asking the server what there is…"}
          </p>
        </main>
      </div>
    </div>
  );
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <path class="logo-outer" d="M16 1.500 28.600 8.750v14.500L16 30.500 3.400 23.250V8.750Z" />
      <path class="logo-inner" d="M16 8.500 22.500 12.250v7.500L16 23.500l-6.500-3.750v-7.500Z" />
    </svg>
  );
}
