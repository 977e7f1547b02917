/**
 * One view's counts that follow the live stream: asked once, then moved by each changed incident. They are asked for
 * anew where the stream has a gap, where only the server knows what a change makes, and once a minute as a check.
 */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { fetchReflecting, type Reflecting } from "../api/client";
import type { ChangeLog } from "../model/increments/changes";
import { Follower, type TallyOf } from "../model/increments/tally";
import { useLive, useRevision } from "./live";
import {
  CALM_MS,
  NOTHING,
  PAUSE_MS,
  Query,
  useAnswerTo,
  useIsPaused,
  type Answer,
  type Asked,
} from "./query";

const CHECK_MS = 60_000;

type Fetch<T> = (path: string, signal: AbortSignal) => Promise<Reflecting<T>>;

export interface Wanted<T, Context> {
  readonly path: string | null;
  /** null: this question's answers cannot be moved, they are asked for anew. */
  readonly tallyOf: TallyOf<T> | null;
  /** Grows with every change, and only with those that ask for new answers. */
  readonly revision: number;
  readonly epoch: number;
  readonly context: Context | null;
}

export class Following<T, Context = unknown> {
  readonly #log: ChangeLog;
  readonly #onAnswer: (answer: Answer<T, Context>) => void;
  readonly #query: Query<Reflecting<T>, Context>;
  #wanted: Wanted<T, Context> | null = null;
  #base: Reflecting<T> | null = null;
  #baseAt = 0;
  #follower: Follower<T> | null = null;
  /** The last answer cannot be moved any further: the next one is awaited. */
  #isStale = false;
  #answer: Answer<T, Context> = NOTHING;
  #asked: { readonly path: string | null; readonly follows: boolean; readonly mark: number } = {
    path: null,
    follows: false,
    mark: -1,
  };
  #shift = 0;
  /** Answers that were asked for besides. */
  #extra = 0;

  constructor(
    log: ChangeLog,
    onAnswer: (answer: Answer<T, Context>) => void,
    fetch: Fetch<T> = fetchReflecting,
  ) {
    this.#log = log;
    this.#onAnswer = onAnswer;
    this.#query = new Query((answer) => this.#receive(answer), fetch);
  }

  want(wanted: Wanted<T, Context>): void {
    this.#wanted = wanted;
    this.#ask();
    this.#follow();
  }

  hold(isHeld: boolean): void {
    this.#query.hold(isHeld);
  }

  close(): void {
    this.#query.close();
  }

  #ask(): void {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const { path, tallyOf, revision, epoch, context } = wanted;
    const follows = tallyOf !== null;
    const mark = epoch + this.#extra;
    // What begins to count along goes on from its answer: that alone is no reason to ask again.
    if (path !== this.#asked.path) this.#shift = 0;
    else if (follows && !this.#asked.follows) this.#shift = this.#asked.mark - mark;
    this.#asked = { path, follows, mark: follows ? mark + this.#shift : revision + this.#extra };
    this.#query.want(path, this.#asked.mark, context, follows ? PAUSE_MS : CALM_MS);
  }

  #receive(answer: Answer<Reflecting<T>, Context>): void {
    const { data } = answer;
    const isNew = data !== null && data !== this.#base;
    if (isNew) {
      this.#base = data;
      this.#baseAt = Date.now();
      this.#follower = null;
      this.#isStale = false;
    }
    const shown = isNew || data === null ? (data?.data ?? null) : this.#answer.data;
    this.#answer = { ...answer, data: shown, context: isNew ? answer.context : this.#answer.context };
    if (isNew && this.#follow()) return;
    this.#onAnswer(this.#answer);
  }

  /** Whether it has published. */
  #follow(): boolean {
    const wanted = this.#wanted;
    if (wanted?.path == null || wanted.path !== this.#answer.path) return false;
    this.#begin(wanted);
    if (this.#follower === null) return false;
    const step = this.#follower.follow(this.#log);
    if (step === "none") return false;
    if (step === "unknown") {
      this.#follower = null;
      this.#isStale = true;
      this.#extra += 1;
      this.#ask();
      return false;
    }
    this.#answer = { ...this.#answer, data: this.#follower.answer(), context: wanted.context };
    this.#onAnswer(this.#answer);
    if (Date.now() - this.#baseAt >= CHECK_MS) {
      this.#baseAt = Date.now();
      this.#extra += 1;
      this.#ask();
    }
    return true;
  }

  /** What counts along may come later than the answer: with code that is fetched apart. */
  #begin({ tallyOf }: Wanted<T, Context>): void {
    const base = this.#base;
    if (this.#follower !== null || this.#isStale || tallyOf === null || base?.offsets == null) return;
    this.#follower = new Follower(tallyOf(base.data), base.offsets);
  }
}

/** `tallyOf` must stay the same while the question does. */
export function useFollowing<T, Context = unknown>(
  path: string | null,
  tallyOf: TallyOf<T> | null,
  context: Context | null = null,
): Asked<T, Context> {
  const { log, state } = useLive();
  const revision = useRevision();
  const { epoch } = state;
  const [answer, setAnswer] = useState<Answer<T, Context>>(NOTHING);
  const following = useRef<Following<T, Context> | null>(null);
  const known = useRef({ context, tallyOf, epoch });
  known.current = { context, tallyOf, epoch };
  useLayoutEffect(() => {
    const mine = new Following<T, Context>(log, setAnswer);
    following.current = mine;
    return () => mine.close();
  }, [log]);
  const isPaused = useIsPaused();
  useLayoutEffect(() => following.current?.hold(isPaused), [isPaused]);
  // The revision grows with the epoch, and stays while the page is hidden.
  useLayoutEffect(() => following.current?.want({ path, revision, ...known.current }), [path, revision]);
  return useAnswerTo(path, answer);
}
