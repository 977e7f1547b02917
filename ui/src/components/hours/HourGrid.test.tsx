// @vitest-environment happy-dom
import { fireEvent, screen } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { open } from "../../testing/page";
import { HourGrid } from "./HourGrid";

const COUNTS = Array.from({ length: 168 }, (_, hour) => hour);
const cell = (name: RegExp) => screen.getByRole("gridcell", { name });

async function check(chosen: readonly number[] = []) {
  const onChoose = vi.fn<(hours: ReadonlySet<number>) => void>();
  await open(<HourGrid counts={COUNTS} chosen={new Set(chosen)} onChoose={onChoose} />);
  return () => [...(onChoose.mock.lastCall?.[0] ?? [])].toSorted((a, b) => a - b);
}

test("each hour is a cell with its count; one of them is in the tab order", async () => {
  await check();
  expect(screen.getByRole("grid", { name: "Incidents by hour of the week" })).toBeDefined();
  const cells = screen.getAllByRole("gridcell");
  expect(cells).toHaveLength(168);
  expect(cells[30]?.getAttribute("aria-label")).toBe("Tue 06:00–07:00: 30 incidents");
  expect(cells.filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
});

test("arrow keys move, Enter chooses", async () => {
  const chosen = await check();
  const grid = screen.getByRole("grid");
  for (const key of ["ArrowRight", "ArrowRight", "ArrowDown"]) fireEvent.keyDown(grid, { key });
  expect(document.activeElement).toBe(cell(/^Tue 02:00/));
  fireEvent.keyDown(grid, { key: "Enter" });
  expect(chosen()).toEqual([26]);
});

test("the edges hold", async () => {
  await check();
  const grid = screen.getByRole("grid");
  fireEvent.keyDown(grid, { key: "ArrowRight" });
  fireEvent.keyDown(grid, { key: "ArrowUp" });
  expect(document.activeElement).toBe(cell(/^Mon 01:00/));
});

test("Shift and arrow keys extend a rectangle", async () => {
  const chosen = await check();
  const grid = screen.getByRole("grid");
  fireEvent.keyDown(grid, { key: "ArrowRight", shiftKey: true });
  fireEvent.keyDown(grid, { key: "ArrowDown", shiftKey: true });
  fireEvent.keyDown(grid, { key: " " });
  expect(chosen()).toEqual([0, 1, 24, 25]);
});

test("what is chosen is told, and chosen again it goes", async () => {
  const chosen = await check([0, 5]);
  expect(cell(/^Mon 05:00/).getAttribute("aria-selected")).toBe("true");
  fireEvent.keyDown(screen.getByRole("grid"), { key: "Enter" });
  expect(chosen()).toEqual([5]);
});
