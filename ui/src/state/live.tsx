/** The live connection: meta on arrival, then server-sent events, with meta asked again as a heartbeat. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, fetchJson } from "../api/client";
import type { LiveChange, Meta } from "../api/types";
import { INITIAL_LIVE, reduceLive, type LiveEvent, type LiveState } from "../model/live";
import { provided, useProvided } from "./context";

/** An event stream whose other end has vanished looks just like a quiet one; asking meta tells them apart. */
const HEARTBEAT_MS = 10_000;
const RETRY_MS = 3000;

export class LiveConnection {
  readonly #dispatch: (event: LiveEvent) => void;
  #source: EventSource | null = null;
  #heartbeat: ReturnType<typeof setInterval> | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(dispatch: (event: LiveEvent) => void) {
    this.#dispatch = dispatch;
  }

  open(): void {
    this.close();
    void this.#loadMeta();
    this.#listen();
    this.#heartbeat = setInterval(() => {
      if (document.visibilityState === "visible") void this.#loadMeta();
    }, HEARTBEAT_MS);
  }

  close(): void {
    this.#source?.close();
    this.#source = null;
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  #listen(): void {
    const source = new EventSource("/api/v1/live");
    this.#source = source;
    source.onopen = () => {
      this.#dispatch({ type: "opened" });
      // What happened between the first meta and the stream's start is in no event.
      void this.#loadMeta();
    };
    source.addEventListener("change", (event: MessageEvent<string>) => {
      const change = parseChange(event.data);
      if (change !== null) this.#dispatch({ type: "change", change });
    });
    source.onerror = () => {
      this.#dispatch({ type: "lost" });
      void this.#loadMeta();
      // The browser reconnects by itself unless the answer was an HTTP error.
      if (source.readyState !== EventSource.CLOSED) return;
      this.#retry = setTimeout(() => this.#listen(), RETRY_MS);
    };
  }

  async #loadMeta(): Promise<void> {
    try {
      this.#dispatch({ type: "meta", meta: await fetchJson<Meta>("/api/v1/meta") });
    } catch (cause) {
      const reason = cause instanceof ApiError ? cause.message : String(cause);
      this.#dispatch({ type: "unreachable", reason });
    }
  }
}

function parseChange(data: string): LiveChange | null {
  try {
    return JSON.parse(data) as LiveChange;
  } catch {
    // A garbled event is like a missed one: the next event or heartbeat carries the totals.
    return null;
  }
}

export interface Live {
  readonly state: LiveState;
  readonly pause: () => void;
  readonly resume: () => void;
}

const LiveContext = provided<Live>();
const MetaContext = provided<Meta>();

export function useLive(): Live {
  return useProvided(LiveContext, "the live connection");
}

/** What the server holds. Only where `MetaProvider` stands above. */
export function useMeta(): Meta {
  return useProvided(MetaContext, "meta");
}

export function MetaProvider({
  meta,
  children,
}: {
  readonly meta: Meta;
  readonly children: ComponentChildren;
}) {
  return <MetaContext.Provider value={meta}>{children}</MetaContext.Provider>;
}

/** Grows when views are behind what the server knows. */
export function useRevision(): number {
  return useVisibleChanges(useLive().state.changes);
}

export function LiveProvider({ children }: { readonly children: ComponentChildren }) {
  const [state, dispatch] = useReducer(reduceLive, INITIAL_LIVE);
  const connection = useRef<LiveConnection | null>(null);
  useEffect(() => {
    const mine = new LiveConnection(dispatch);
    connection.current = mine;
    mine.open();
    return () => mine.close();
  }, []);
  const live = useMemo(
    () => ({
      state,
      pause: () => {
        connection.current?.close();
        dispatch({ type: "paused" });
      },
      resume: () => {
        dispatch({ type: "resumed" });
        connection.current?.open();
      },
    }),
    [state],
  );
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

/** `changes`, held back while the page is hidden: nobody sees what would be fetched. */
function useVisibleChanges(changes: number): number {
  const [visible, setVisible] = useState(document.visibilityState === "visible");
  const seen = useRef(changes);
  useEffect(() => {
    const update = () => setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", update);
    return () => document.removeEventListener("visibilitychange", update);
  }, []);
  if (visible) seen.current = changes;
  return seen.current;
}
