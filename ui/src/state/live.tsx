/** The live connection: meta on arrival, then server-sent events, with meta asked again as a heartbeat. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { ApiError, fetchJson } from "../api/client";
import type { LiveChange, Meta, NextOffsets } from "../api/types";
import { ChangeLog } from "../model/increments/changes";
import { INITIAL_LIVE, isBehind, reduceLive, type LiveEvent, type LiveState } from "../model/live";
import { provided, useProvided } from "./context";

/** An event stream whose other end has vanished looks just like a quiet one; asking meta tells them apart. */
const HEARTBEAT_MS = 10_000;
const RETRY_MS = 3000;
/** Events of a flood reach the page together. */
const BATCH_MS = 250;

export class LiveConnection {
  readonly #dispatch: (event: LiveEvent) => void;
  readonly #log: ChangeLog;
  #source: EventSource | null = null;
  #heartbeat: ReturnType<typeof setInterval> | null = null;
  #retry: ReturnType<typeof setTimeout> | null = null;
  #batch: ReturnType<typeof setTimeout> | null = null;
  #pending: LiveChange[] = [];
  /** What the server knew at the last heartbeat. */
  #known: NextOffsets = {};

  constructor(dispatch: (event: LiveEvent) => void, log: ChangeLog) {
    this.#dispatch = dispatch;
    this.#log = log;
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
    this.#flush();
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
      if (change === null) {
        this.#listenAnew(source);
        return;
      }
      this.#pending.push(change);
      this.#batch ??= setTimeout(() => this.#flush(), BATCH_MS);
    });
    source.onerror = () => {
      this.#flush();
      this.#dispatch({ type: "lost" });
      void this.#loadMeta();
      // The browser reconnects by itself unless the answer was an HTTP error.
      if (source.readyState !== EventSource.CLOSED) return;
      this.#retry = setTimeout(() => this.#listen(), RETRY_MS);
    };
  }

  /** A garbled event is like a missed one: a new stream begins with whether anything was missed. */
  #listenAnew(source: EventSource): void {
    source.close();
    this.#flush();
    this.#dispatch({ type: "lost" });
    this.#retry = setTimeout(() => this.#listen(), RETRY_MS);
  }

  #flush(): void {
    if (this.#batch !== null) clearTimeout(this.#batch);
    this.#batch = null;
    if (this.#pending.length === 0) return;
    const changes = this.#pending;
    this.#pending = [];
    const added = changes.map((change) => this.#log.add(change));
    this.#dispatch({ type: "change", changes, missed: added.includes("missed"), at: Date.now() });
  }

  async #loadMeta(): Promise<void> {
    try {
      const meta = await fetchJson<Meta>("/api/v1/meta");
      const { position } = this.#log;
      // A stream that something on the way holds back delivers nothing; the last heartbeat was long enough ago to tell.
      const isAhead = position !== null && isBehind(position, this.#known);
      this.#known = meta.next_offsets;
      this.#dispatch({ type: "meta", meta, isAhead });
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
    return null;
  }
}

export interface Live {
  readonly state: LiveState;
  /** What the stream told, for whoever counts along. */
  readonly log: ChangeLog;
  /** The reader knows that changes were missed. */
  readonly told: () => void;
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
  const [log] = useState(() => new ChangeLog());
  useEffect(() => {
    const mine = new LiveConnection(dispatch, log);
    connection.current = mine;
    mine.open();
    return () => mine.close();
  }, [log]);
  const live = useMemo(
    () => ({
      state,
      log,
      told: () => dispatch({ type: "told" }),
      pause: () => {
        connection.current?.close();
        dispatch({ type: "paused" });
      },
      resume: () => {
        dispatch({ type: "resumed" });
        connection.current?.open();
      },
    }),
    [state, log],
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
