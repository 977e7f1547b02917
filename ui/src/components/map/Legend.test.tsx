// @vitest-environment happy-dom
import { screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { CELLS } from "../../testing/answers";
import { open, PENDING, Refusal, type Answers } from "../../testing/page";
import { Legend } from "./Legend";

async function check(address: string, answers: Answers) {
  await open(<Legend />, address, answers);
  return screen.getByTestId("legend");
}

test("it says unit, period, members of each class, and what is not on the map", async () => {
  const legend = await check("?from=2017-06-01&to=2017-07-01&resolution=9", {});
  expect(await screen.findByText("Incidents per hexagon of ≈0.105 km²")).toBeDefined();
  expect(legend.textContent).toContain("1 Jun 2017 – 30 Jun 2017");
  expect([...legend.querySelectorAll(".legend-range")].map(({ textContent }) => textContent)).toEqual([
    "2–9",
    "10",
    "0",
  ]);
  expect(screen.getByTestId("unmapped").textContent).toBe(
    "3 matches are not on the map: no usable location.",
  );
});

test("with a place for every match it says so", async () => {
  await check("", { "/api/v1/cells": { ...CELLS, unmapped: 0 } });
  expect((await screen.findByTestId("unmapped")).textContent).toBe("Every match has a usable location.");
});

test("before the first answer it claims nothing", async () => {
  const legend = await check("", { "/api/v1/cells": PENDING });
  expect(legend.textContent).toContain("Nothing is drawn");
  expect(legend.querySelector(".legend-range")).toBeNull();
});

test("a refused question has no classes of another one", async () => {
  const legend = await check("?layer=hotspots", { "/api/v1/hotspots": new Refusal("too few cells") });
  expect(legend.textContent).toContain("Nothing is drawn");
});

test("it says that the period ends at another moment than now", async () => {
  const legend = await check("?at=2017-06-01T06:00", {});
  expect(legend.textContent).toContain("1 Jun 2017, 06:00, the moment shown");
});
