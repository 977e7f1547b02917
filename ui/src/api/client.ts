/** Fetches JSON from the same origin and turns every failure into one kind of error that a person can read. */
import type { NextOffsets, Problem } from "./types";

export type FailureKind = "refused" | "missing" | "unreachable" | "broken";

export class ApiError extends Error {
  readonly kind: FailureKind;
  /** The query parameter that the server refused, when it said which. */
  readonly parameter: string | null;

  constructor(kind: FailureKind, message: string, parameter: string | null = null) {
    super(message);
    this.name = "ApiError";
    this.kind = kind;
    this.parameter = parameter;
  }
}

/** An answer with the offsets of the log that it reflects; null where it is not of the log. */
export interface Reflecting<T> {
  readonly data: T;
  readonly offsets: NextOffsets | null;
}

export async function fetchJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await fetchReflecting<T>(path, signal)).data;
}

export async function fetchReflecting<T>(path: string, signal?: AbortSignal): Promise<Reflecting<T>> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" }, signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("unreachable", "the server cannot be reached");
  }
  if (!response.ok) throw await failure(response);
  try {
    const data = (await response.json()) as T;
    // The header first: an answer that the browser kept is right at the newer offsets that the server confirmed it at.
    const offsets = parseOffsets(response.headers.get("blotter-next-offsets")) ?? offsetsOf(data);
    return { data, offsets };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("broken", "the server's answer was cut short");
  }
}

/** "0:12,1:7" */
function parseOffsets(text: string | null): NextOffsets | null {
  if (text === null) return null;
  const pairs = text.split(",").map((pair) => pair.split(":"));
  return Object.fromEntries(
    pairs.flatMap(([partition, offset]) =>
      partition === undefined || offset === undefined ? [] : [[partition, Number(offset)]],
    ),
  );
}

function offsetsOf(data: unknown): NextOffsets | null {
  const has = typeof data === "object" && data !== null && "next_offsets" in data;
  return has ? (data.next_offsets as NextOffsets) : null;
}

async function failure(response: Response): Promise<ApiError> {
  // A gateway may answer instead of the server, and say less or nothing.
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const sentence = problem.detail ?? problem.title ?? `the server answered ${response.status}`;
  if (response.status === 404) return new ApiError("missing", sentence);
  // A gateway that answers for a server that is away is the same to a reader as no answer.
  if (response.status >= 502 && response.status <= 504) return new ApiError("unreachable", sentence);
  if (response.status < 500) return new ApiError("refused", sentence, problem.parameter ?? null);
  return new ApiError("broken", sentence);
}
