import { expect, test } from "vitest";
import { hourRows, partRows } from "./explain";

const sum = (counts: readonly (number | null)[]) =>
  counts.reduce<number>((all, count) => all + (count ?? 0), 0);

test("parts and all others add up to the whole", () => {
  const part = { text: "PARK PROPERTY", observed: 77, expected: 0.7, p: 0.001, q: 0.01 };
  const rows = partRows({ learned_from: 3000, parts: [part], others: { observed: 26, expected: 12.5 } });
  expect(rows.map(({ text }) => text)).toEqual(["Park property", "All others"]);
  expect(sum(rows.map(({ observed }) => observed))).toBe(103);
  expect(sum(rows.map(({ expected }) => expected))).toBeCloseTo(13.2);
});

test("a part without a text was not recorded", () => {
  const part = { text: "", observed: 1, expected: null, p: null, q: null };
  const rows = partRows({ learned_from: 0, parts: [part], others: { observed: 0, expected: null } });
  expect(rows[0]?.text).toBe("Not recorded");
});

test("the hours above their share come first, and no hour is lost", () => {
  const hours = Array.from({ length: 24 }, (_, hour) => ({ hour, observed: hour, expected: 10 }));
  const rows = hourRows(hours);
  expect(rows[0]?.text).toBe("23:00–00:00");
  expect(rows).toHaveLength(7);
  expect(sum(rows.map(({ observed }) => observed))).toBe(276);
  expect(sum(rows.map(({ expected }) => expected))).toBe(240);
});
