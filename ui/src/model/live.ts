/**
 * The state of the live connection, as a pure reducer: events in, state out.
 *
 * An event updates the figures at once (the badge) and marks the views as behind (`changes`); fetching them again,
 * at most once a second, is somebody else's business.
 */
import type { LiveChange, Meta, NextOffsets } from "../api/types";

export type Connection = "connecting" | "live" | "reconnecting" | "unreachable" | "paused";

export interface LiveState {
  readonly meta: Meta | null;
  readonly connection: Connection;
  /** Grows whenever what the server knows has changed; views compare it to what they last fetched. */
  readonly changes: number;
  /** Why the server's figures are not to be had, in words. */
  readonly failure: string | null;
  /** The connection was interrupted: the server may have started anew, on other data with smaller offsets. */
  readonly interrupted: boolean;
}

export type LiveEvent =
  | { readonly type: "meta"; readonly meta: Meta }
  | { readonly type: "opened" }
  | { readonly type: "change"; readonly change: LiveChange }
  | { readonly type: "lost" }
  | { readonly type: "unreachable"; readonly reason: string }
  | { readonly type: "paused" }
  | { readonly type: "resumed" };

export const INITIAL_LIVE: LiveState = {
  meta: null,
  connection: "connecting",
  changes: 0,
  failure: null,
  interrupted: false,
};

export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case "meta":
      return withMeta(state, event.meta);
    case "opened":
      return { ...state, connection: "live", failure: null };
    case "change":
      return withChange(state, event.change);
    case "lost":
      return state.connection === "paused"
        ? state
        : { ...state, connection: "reconnecting", interrupted: true };
    case "unreachable":
      return state.connection === "paused"
        ? { ...state, failure: event.reason, interrupted: true }
        : { ...state, connection: "unreachable", failure: event.reason, interrupted: true };
    case "paused":
      return { ...state, connection: "paused" };
    case "resumed":
      return { ...state, connection: "connecting", interrupted: true };
  }
}

function withMeta(state: LiveState, meta: Meta): LiveState {
  // The last answer may still be on its way when the reader pauses.
  if (state.connection === "paused" && state.meta !== null) return state;
  // An answer that set out before a live event may arrive after it; it must not turn the clock back.
  if (state.meta !== null && !state.interrupted && isBehind(meta.next_offsets, state.meta.next_offsets)) {
    return state;
  }
  const moved = state.meta === null || !sameOffsets(meta.next_offsets, state.meta.next_offsets);
  const snapshotMoved = state.meta?.snapshot.version !== meta.snapshot.version;
  const back = state.connection === "unreachable";
  return {
    meta,
    // The server answers again, which says nothing yet about the live stream.
    connection: back ? "reconnecting" : state.connection,
    failure: null,
    interrupted: false,
    changes: state.changes + (moved || snapshotMoved || back ? 1 : 0),
  };
}

function withChange(state: LiveState, change: LiveChange): LiveState {
  if (state.connection === "paused" || state.meta === null) return state;
  if (!state.interrupted && isBehind(change.next_offsets, state.meta.next_offsets)) return state;
  const meta = {
    ...state.meta,
    ...change.meta,
    next_offsets: { ...state.meta.next_offsets, ...change.next_offsets },
  };
  return { ...state, meta, connection: "live", failure: null, changes: state.changes + 1 };
}

/** Whether some partition is behind and none ahead. */
function isBehind(offsets: NextOffsets, than: NextOffsets): boolean {
  let behind = false;
  for (const [partition, offset] of Object.entries(offsets)) {
    const known = than[partition] ?? 0;
    if (offset > known) return false;
    if (offset < known) behind = true;
  }
  return behind;
}

function sameOffsets(a: NextOffsets, b: NextOffsets): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => a[key] === b[key]);
}
