import { expect, test } from "vitest";
import { keeping } from "./kept";

const KNOWN = { total: 3, areas: [{ code: "8" }], snapshot: { version: null as number | null } };

test("an equal answer is the known one", () => {
  expect(keeping(structuredClone(KNOWN), KNOWN)).toBe(KNOWN);
});

test("only what has changed is new", () => {
  const next = keeping({ ...structuredClone(KNOWN), total: 4 }, KNOWN);
  expect(next).toEqual({ ...KNOWN, total: 4 });
  expect(next.areas).toBe(KNOWN.areas);
  expect(keeping({ ...structuredClone(KNOWN), snapshot: { version: 1 } }, KNOWN).snapshot.version).toBe(1);
});

test("a part that is gone is a change", () => {
  const known: { total: number; more?: number } = { total: 3, more: 1 };
  expect(keeping({ total: 3 }, known)).toEqual({ total: 3 });
});
