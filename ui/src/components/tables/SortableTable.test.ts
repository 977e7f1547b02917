import { describe, expect, test } from "vitest";
import { sortRows } from "./SortableTable";

describe("sorting", () => {
  const column = { id: "n", title: "N", value: (row: { n: number | null }) => row.n };
  test("puts what is unknown last, either way", () => {
    const rows = [{ n: 2 }, { n: null }, { n: 10 }];
    expect(sortRows(rows, column, false).map(({ n }) => n)).toEqual([2, 10, null]);
    expect(sortRows(rows, column, true).map(({ n }) => n)).toEqual([10, 2, null]);
  });
});
