// @vitest-environment happy-dom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { SortableTable, sortRows, type Column } from "./SortableTable";

interface Row {
  readonly name: string;
  readonly total: number | null;
}

const COLUMNS: readonly Column<Row>[] = [
  { id: "name", title: "Area", value: ({ name }) => name },
  { id: "total", title: "Incidents", numeric: true, value: ({ total }) => total },
];
const ROWS: readonly Row[] = [
  { name: "Beat 9", total: 5 },
  { name: "Beat 10", total: null },
  { name: "Beat 1", total: 30 },
];

afterEach(cleanup);

function check(rows: readonly Row[] = ROWS) {
  render(
    <SortableTable
      caption="Incidents by beat"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ name }) => name}
      initial={{ id: "total", descending: true }}
    />,
  );
}

const names = () =>
  screen
    .getAllByRole("row")
    .slice(1)
    .map((row) => row.querySelector("td")?.textContent);
const sorts = () => screen.getAllByRole("columnheader").map((head) => head.getAttribute("aria-sort"));

test("it is a table with a name, and says by what it is sorted", () => {
  check();
  expect(screen.getByRole("table", { name: "Incidents by beat" })).toBeDefined();
  expect(sorts()).toEqual(["none", "descending"]);
  // What is unknown comes last either way.
  expect(names()).toEqual(["Beat 1", "Beat 9", "Beat 10"]);
});

test("pressing a head sorts by it, again the other way round", () => {
  check();
  fireEvent.click(screen.getByRole("button", { name: "Area" }));
  expect(names()).toEqual(["Beat 1", "Beat 9", "Beat 10"]);
  expect(sorts()).toEqual(["ascending", "none"]);
  fireEvent.click(screen.getByRole("button", { name: "Area" }));
  expect(names()).toEqual(["Beat 10", "Beat 9", "Beat 1"]);
  fireEvent.click(screen.getByRole("button", { name: "Incidents" }));
  fireEvent.click(screen.getByRole("button", { name: "Incidents" }));
  expect(names()).toEqual(["Beat 9", "Beat 1", "Beat 10"]);
});

test("what is unknown is a dash, and it scrolls by keyboard", () => {
  check();
  expect(screen.getAllByRole("row")[3]?.textContent).toBe("Beat 10–");
  expect(screen.getByRole("region", { name: "Incidents by beat" }).tabIndex).toBe(0);
});

test("what is unknown comes last either way", () => {
  const column = { id: "n", title: "N", value: (row: { n: number | null }) => row.n };
  const rows = [{ n: 2 }, { n: null }, { n: 10 }];
  expect(sortRows(rows, column, false).map(({ n }) => n)).toEqual([2, 10, null]);
  expect(sortRows(rows, column, true).map(({ n }) => n)).toEqual([10, 2, null]);
});
