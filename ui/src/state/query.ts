/**
 * One view's data: the newest answer to the newest question.
 *
 * While data streams in, the same question is asked again, but never twice at once and never more often than the pause
 * allows; a new question cancels the old one. The last answer stays on the screen until its successor is there.
 */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, fetchJson } from "../api/client";
import { flights } from "./flights";
import { useLive } from "./live";

export interface Answer<T, Context = unknown> {
  readonly data: T | null;
  /** What `data` answers; another path than the one asked for means that it is out of date. */
  readonly path: string | null;
  /** What the page knew when it asked: with data streaming in, it may know more by the time of the answer. */
  readonly context: Context | null;
  readonly error: ApiError | null;
}

export const NOTHING: Answer<never, never> = {
  data: null,
  path: null,
  context: null,
  error: null,
};
/** Between two requests for the same. */
export const PAUSE_MS = 1000;
/** For what is computed anew as a whole, and read rather than watched. */
export const CALM_MS = 5000;

type Fetch<T> = (path: string, signal: AbortSignal) => Promise<T>;

export class Query<T, Context = unknown> {
  #answer: Answer<T, Context> = NOTHING;
  #path: string | null = null;
  #revision = -1;
  #context: Context | null = null;
  #asked = -1;
  #startedAt = -Infinity;
  #flight: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isHeld = false;
  readonly #fetch: Fetch<T>;
  #pause_ms: number;
  readonly #onAnswer: (answer: Answer<T, Context>) => void;

  constructor(
    onAnswer: (answer: Answer<T, Context>) => void,
    fetch: Fetch<T> = fetchJson,
    pause_ms = PAUSE_MS,
  ) {
    this.#onAnswer = onAnswer;
    this.#fetch = fetch;
    this.#pause_ms = pause_ms;
  }

  /** While held, a question that has an answer is not asked again: a reader who pauses wants nothing to move. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) {
      this.#schedule();
      return;
    }
    if (this.#answer.path !== this.#path) return;
    if (this.#flight !== null) this.#asked = -1;
    this.#cancel();
  }

  /** Asks `path` unless it was asked at this revision; null asks nothing. */
  want(
    path: string | null,
    revision: number,
    context: Context | null = null,
    pause_ms = this.#pause_ms,
  ): void {
    this.#pause_ms = pause_ms;
    if (path !== this.#path) {
      this.#cancel();
      this.#path = path;
      this.#asked = -1;
      this.#startedAt = -Infinity;
      // What was wrong with another question is not said of this one.
      if (this.#answer.error !== null) this.#publish({ ...this.#answer, error: null });
    }
    this.#revision = revision;
    this.#context = context;
    this.#schedule();
  }

  close(): void {
    this.#cancel();
    this.#path = null;
  }

  #schedule(): void {
    if (this.#path === null || this.#flight !== null || this.#timer !== null) return;
    if (this.#asked === this.#revision) return;
    if (this.#isHeld && this.#answer.path === this.#path) return;
    const wait = this.#startedAt + this.#pause_ms - Date.now();
    if (wait <= 0) {
      void this.#run(this.#path, this.#revision);
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#schedule();
    }, wait);
  }

  async #run(path: string, revision: number): Promise<void> {
    const flight = new AbortController();
    this.#flight = flight;
    this.#asked = revision;
    this.#startedAt = Date.now();
    const context = this.#context;
    let answer: Answer<T, Context>;
    flights.begin();
    try {
      const data = await this.#fetch(path, flight.signal);
      answer = { data, path, context, error: null };
    } catch (cause) {
      const error = cause instanceof ApiError ? cause : new ApiError("broken", String(cause));
      answer = { ...this.#answer, error };
    }
    // A newer question has taken over: this answer is to nothing any more.
    if (this.#flight === flight) {
      this.#flight = null;
      this.#publish(answer);
      this.#schedule();
    }
    flights.end();
  }

  #publish(answer: Answer<T, Context>): void {
    this.#answer = answer;
    this.#onAnswer(answer);
  }

  #cancel(): void {
    this.#flight?.abort();
    this.#flight = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** An answer beside the question that is asked now. */
export interface Asked<T, Context = unknown> extends Answer<T, Context> {
  /** The question has no answer yet; the last one stays until then. That the same question is asked again is not said. */
  readonly loading: boolean;
}

export function useAnswerTo<T, Context>(path: string | null, answer: Answer<T, Context>): Asked<T, Context> {
  return useMemo(() => {
    const loading = path !== null && answer.path !== path && answer.error === null;
    return { ...answer, loading };
  }, [path, answer]);
}

export function useQuery<T, Context = unknown>(
  path: string | null,
  revision: number,
  context: Context | null = null,
): Asked<T, Context> {
  const [answer, setAnswer] = useState<Answer<T, Context>>(NOTHING);
  const query = useRef<Query<T, Context> | null>(null);
  const known = useRef(context);
  known.current = context;
  // Before the browser paints: what is asked a frame earlier is there a frame earlier.
  useLayoutEffect(() => {
    const mine = new Query<T, Context>(setAnswer, fetchJson, CALM_MS);
    query.current = mine;
    return () => mine.close();
  }, []);
  const isPaused = useIsPaused();
  useLayoutEffect(() => query.current?.hold(isPaused), [isPaused]);
  useLayoutEffect(() => query.current?.want(path, revision, known.current), [path, revision]);
  return useAnswerTo(path, answer);
}

export function useIsPaused(): boolean {
  return useLive().state.connection === "paused";
}
