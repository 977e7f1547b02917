// @vitest-environment happy-dom
import { cleanup, screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { META, THEFT } from "../../testing/answers";
import { open } from "../../testing/page";
import type { PeakRow } from "../../model/peaks";
import { PeakItem } from "./PeakItem";

const [LAYER] = META.layers;
const ROW: PeakRow = { key: "32/THEFT", hours: 24, peak: THEFT, others: [] };

async function check(row: PeakRow, address = "") {
  if (LAYER === undefined) throw new Error("the city has areas");
  await open(
    <ul>
      <PeakItem row={row} layer={LAYER} at="2017-08-06T06:00" />
    </ul>,
    address,
  );
  return screen.getByTestId("peak");
}

test("a percentage stands beside enough expected incidents only", async () => {
  expect((await check(ROW)).textContent).toContain("+686 %");
});

test("without one there is none", async () => {
  const row = { ...ROW, peak: { ...THEFT, percent_more: null } };
  expect((await check(row)).textContent).not.toContain("%");
});

test("what is unusual is told by a sign beside the colour, and what is not has neither", async () => {
  expect((await check(ROW)).querySelector(".swatch")?.textContent).toBe("▲▲▲");
});

test("what is usual has no sign", async () => {
  expect((await check({ ...ROW, peak: { ...THEFT, q: 0.7 } })).querySelector(".swatch")).toBeNull();
});

test("other windows in which it is unusual are named", async () => {
  const others = [{ hours: 168, peak: { ...THEFT, observed: 330, expected: 97.7 } }];
  expect((await check({ ...ROW, others })).textContent).toContain("also 330 in 7 days (97.7 expected)");
});

const COURSE = {
  step_hours: 24,
  observed: [3, 40, 103],
  expected: [9, 9, 13],
  low: [2, 2, 4],
  high: [20, 20, 27],
};

test("an unusual peak shows since when it is above its usual range", async () => {
  const row = { ...ROW, peak: { ...THEFT, course: COURSE } };
  expect((await check(row)).textContent).toContain("Above its usual range since 4 Aug 2017, 06:00");
});

test("the shortest unusual window tells since when", async () => {
  const weekly = { ...THEFT, course: { ...COURSE, step_hours: 168 } };
  const row = { ...ROW, hours: 168, peak: weekly };
  expect((await check(row)).textContent).not.toContain("Above its usual range");
  cleanup();
  const others = [{ hours: 24, peak: { ...THEFT, course: COURSE } }];
  expect((await check({ ...row, others })).textContent).toContain("since 4 Aug 2017, 06:00");
});

test("a peak that may be chance does not show it", async () => {
  const row = { ...ROW, peak: { ...THEFT, q: 0.7, course: COURSE } };
  expect((await check(row)).textContent).not.toContain("Above its usual range");
});

test("the chosen one is expanded", async () => {
  const item = await check(ROW, "?peak=community_area:32/24/THEFT");
  expect(item.querySelector("button")?.getAttribute("aria-expanded")).toBe("true");
});
