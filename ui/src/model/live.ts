/**
 * The state of the live connection, as a pure reducer: events in, state out.
 *
 * Events update the figures at once (the badge) and mark the views as behind (`changes`). Those that can follow the
 * changes one by one do; where some are missing, `epoch` grows, and they ask for new answers like all others.
 */
import type { LiveChange, Meta, NextOffsets } from "../api/types";
import { sameOffsets } from "./increments/changes";
import { keeping } from "./kept";

export type Connection = "connecting" | "live" | "reconnecting" | "unreachable" | "paused";

export interface LiveState {
  readonly meta: Meta | null;
  readonly connection: Connection;
  /** Grows whenever what the server knows has changed; views compare it to what they last fetched. */
  readonly changes: number;
  /** Grows whenever something changed that no sequence of changed incidents tells. */
  readonly epoch: number;
  /** Changes were missed while the connection was away, since when (ms), and why; the reader is told. */
  readonly missed: Missed | null;
  /** Why the server's figures are not to be had, in words. */
  readonly failure: string | null;
  /** The connection was interrupted: the server may have started anew, on other data with smaller offsets. */
  readonly interrupted: boolean;
  /** Why the stream was interrupted, until it is known whether that missed anything. */
  readonly away: Missed["why"] | null;
}

export interface Missed {
  readonly why: "paused" | "lost";
  readonly at: number;
}

export type LiveEvent =
  /** `isAhead`: of the stream, which has not delivered for a while what the server knows. */
  | { readonly type: "meta"; readonly meta: Meta; readonly isAhead?: boolean }
  | { readonly type: "opened" }
  /** `missed`: some changes before it are in no event. */
  | {
      readonly type: "change";
      readonly changes: readonly LiveChange[];
      readonly missed: boolean;
      readonly at: number;
    }
  | { readonly type: "told" }
  | { readonly type: "lost" }
  | { readonly type: "unreachable"; readonly reason: string }
  | { readonly type: "paused" }
  | { readonly type: "resumed" };

export const INITIAL_LIVE: LiveState = {
  meta: null,
  connection: "connecting",
  changes: 0,
  epoch: 0,
  missed: null,
  failure: null,
  interrupted: false,
  away: null,
};

export function reduceLive(state: LiveState, event: LiveEvent): LiveState {
  switch (event.type) {
    case "meta":
      return withMeta(state, event.meta, event.isAhead ?? false);
    case "opened":
      return { ...state, connection: "live", failure: null };
    case "change":
      return withChanges(state, event);
    case "told":
      return { ...state, missed: null };
    case "lost":
      return state.connection === "paused"
        ? state
        : { ...state, connection: "reconnecting", interrupted: true, away: state.away ?? "lost" };
    case "unreachable":
      return state.connection === "paused"
        ? { ...state, failure: event.reason, interrupted: true }
        : { ...state, connection: "unreachable", failure: event.reason, interrupted: true };
    case "paused":
      return { ...state, connection: "paused", away: "paused" };
    case "resumed":
      return { ...state, connection: "connecting", interrupted: true };
  }
}

function withMeta(state: LiveState, answer: Meta, isAhead: boolean): LiveState {
  // The last answer may still be on its way when the reader pauses.
  if (state.connection === "paused" && state.meta !== null) return state;
  // An answer that set out before a live event may arrive after it; it must not turn the clock back.
  if (state.meta !== null && !state.interrupted && isBehind(answer.next_offsets, state.meta.next_offsets)) {
    return state;
  }
  const meta = state.meta === null ? answer : keeping(answer, state.meta);
  const moved = state.meta === null || !sameOffsets(meta.next_offsets, state.meta.next_offsets);
  const snapshotMoved = state.meta?.snapshot.version !== meta.snapshot.version;
  const back = state.connection === "unreachable";
  const isNews = meta !== state.meta || back || isAhead || state.failure !== null || state.interrupted;
  if (!isNews) return state;
  return {
    ...state,
    meta,
    // The server answers again, which says nothing yet about the live stream.
    connection: back ? "reconnecting" : state.connection,
    failure: null,
    interrupted: false,
    changes: state.changes + (moved || snapshotMoved || back || isAhead ? 1 : 0),
    // While the stream is there, it tells what another snapshot changed.
    epoch: state.epoch + ((snapshotMoved && state.connection !== "live") || back || isAhead ? 1 : 0),
  };
}

interface Changed {
  readonly changes: readonly LiveChange[];
  readonly missed: boolean;
  readonly at: number;
}

function withChanges(state: LiveState, { changes, missed, at }: Changed): LiveState {
  if (state.connection === "paused" || state.meta === null) return state;
  let { meta } = state;
  for (const change of changes) {
    if (!state.interrupted && isBehind(change.next_offsets, meta.next_offsets)) continue;
    meta = { ...meta, ...change.meta, next_offsets: { ...meta.next_offsets, ...change.next_offsets } };
  }
  return {
    ...state,
    meta,
    connection: "live",
    failure: null,
    // Even where the figures were known before: what each incident changed was not.
    changes: state.changes + 1,
    epoch: state.epoch + (missed ? 1 : 0),
    missed: missed && state.away !== null ? { why: state.away, at } : state.missed,
    away: null,
  };
}

/** Whether some partition is behind and none ahead. */
export function isBehind(offsets: NextOffsets, than: NextOffsets): boolean {
  let behind = false;
  for (const [partition, offset] of Object.entries(offsets)) {
    const known = than[partition] ?? 0;
    if (offset > known) return false;
    if (offset < known) behind = true;
  }
  return behind;
}
