import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../api/client";
import { Query, type Answer } from "./query";

interface Request {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly answer: (data: string) => void;
  readonly fail: (error: ApiError) => void;
}

let requests: Request[];
let answers: Answer<string, string>[];
let query: Query<string, string>;

beforeEach(() => {
  vi.useFakeTimers();
  requests = [];
  answers = [];
  query = new Query<string, string>(
    (answer) => answers.push(answer),
    (path, signal) =>
      new Promise((answer, fail) => {
        requests.push({ path, signal, answer, fail });
      }),
  );
});

afterEach(() => vi.useRealTimers());

const settle = () => vi.advanceTimersByTimeAsync(0);
const latest = () => answers.at(-1);

test("asks once and hands on the answer", async () => {
  query.want("/a", 1);
  query.want("/a", 1);
  expect(requests).toHaveLength(1);
  requests[0]?.answer("one");
  await settle();
  expect(latest()).toMatchObject({ data: "one", path: "/a", error: null });
});

test("many changes become one more request, a second after the last one began", async () => {
  query.want("/a", 1);
  for (let revision = 2; revision < 50; revision += 1) query.want("/a", revision);
  requests[0]?.answer("one");
  await settle();
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(999);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(requests).toHaveLength(2);
});

test("a slow server is never asked twice at once", async () => {
  query.want("/a", 1);
  query.want("/a", 2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(requests).toHaveLength(1);
});

test("a new question is asked at once and the old one's answer dropped", async () => {
  query.want("/a", 1);
  query.want("/b", 1);
  expect(requests.map(({ path }) => path)).toEqual(["/a", "/b"]);
  expect(requests[0]?.signal.aborted).toBe(true);
  requests[1]?.answer("b");
  await settle();
  requests[0]?.answer("a, late");
  await settle();
  expect(latest()).toMatchObject({ data: "b", path: "/b" });
});

test("the last answer stays while the next is on its way, and after it has failed", async () => {
  query.want("/a", 1);
  requests[0]?.answer("one");
  await settle();
  query.want("/b", 1);
  expect(latest()).toMatchObject({ data: "one", path: "/a", error: null });
  requests[1]?.fail(new ApiError("unreachable", "away"));
  await settle();
  expect(latest()).toMatchObject({ data: "one", path: "/a", error: { kind: "unreachable" } });
});

test("an answer tells what was known when it was asked for", async () => {
  query.want("/a", 1, "then");
  query.want("/a", 2, "now");
  requests[0]?.answer("one");
  await settle();
  expect(latest()?.context).toBe("then");
});

test("asks nothing without a question, and nothing once closed", async () => {
  query.want(null, 1);
  query.want("/a", 1);
  query.close();
  query.want(null, 2);
  await vi.advanceTimersByTimeAsync(5000);
  expect(requests).toHaveLength(1);
  expect(requests[0]?.signal.aborted).toBe(true);
});
