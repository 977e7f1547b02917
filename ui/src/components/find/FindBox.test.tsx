// @vitest-environment happy-dom
import { fireEvent, screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { FOUND } from "../../testing/answers";
import { open, Refusal, type Answers } from "../../testing/page";
import { FindBox } from "./FindBox";

async function check(text: string, answers: Answers, address = "") {
  const page = await open(<FindBox />, address, answers);
  const box = screen.getByRole<HTMLInputElement>("combobox", { name: /Find an area/ });
  box.focus();
  fireEvent.input(box, { target: { value: text } });
  return { ...page, box };
}

test("finds are options that say what they are; arrow keys choose among them", async () => {
  const { box } = await check("lo", { "/api/v1/find": FOUND });
  const options = await screen.findAllByRole("option");
  expect(options.map(({ textContent }) => textContent)).toEqual(["Loop Community area", "Theft Category"]);
  expect(box.getAttribute("aria-expanded")).toBe("true");
  expect(box.getAttribute("aria-activedescendant")).toBe("find-0");
  fireEvent.keyDown(box, { key: "ArrowDown" });
  expect(box.getAttribute("aria-activedescendant")).toBe("find-1");
  fireEvent.keyDown(box, { key: "Enter" });
  expect(location.search).toBe("?category=THEFT");
  expect(box.value).toBe("");
});

test("what is chosen already stays chosen", async () => {
  const { box } = await check("lo", { "/api/v1/find": FOUND }, "?area=community_area:32");
  await screen.findAllByRole("option");
  fireEvent.keyDown(box, { key: "Enter" });
  expect(location.search).toBe("?area=community_area:32");
});

test("Escape closes the list and keeps the text", async () => {
  const { box } = await check("lo", { "/api/v1/find": FOUND });
  await screen.findAllByRole("option");
  fireEvent.keyDown(box, { key: "Escape" });
  expect(box.getAttribute("aria-expanded")).toBe("false");
  expect(box.value).toBe("lo");
});

test("nothing found, and nothing to be had, are said", async () => {
  await check("xyz", { "/api/v1/find": { ...FOUND, areas: [], categories: [] } });
  expect((await screen.findByRole("status")).textContent).toBe("Nothing is called “xyz”.");
});

test("a refusal is said, too", async () => {
  await check("x", { "/api/v1/find": new Refusal("too short") });
  expect((await screen.findByRole("status")).textContent).toBe("Nothing could be looked up: too short.");
});

test("not every letter is a question", async () => {
  const { box, asked } = await check("l", { "/api/v1/find": FOUND });
  for (const value of ["lo", "loo", "loop"]) fireEvent.input(box, { target: { value } });
  await screen.findAllByRole("option");
  expect(asked.filter((path) => path.startsWith("/api/v1/find"))).toEqual(["/api/v1/find?limit=5&q=loop"]);
});
