/** Fetches JSON from the same origin and turns every failure into one kind of error that a person can read. */
import type { Problem } from "./types";

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

export async function fetchJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: "application/json" }, signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("unreachable", "the server cannot be reached");
  }
  if (!response.ok) throw await failure(response);
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("broken", "the server's answer was cut short");
  }
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
