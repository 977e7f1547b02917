// @vitest-environment happy-dom
import { fireEvent, screen, within } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { EXPLAINED } from "../../testing/answers";
import { open, PENDING, Refusal, type Answers } from "../../testing/page";
import { Explanation } from "./Explanation";

const PEAK = { area: { layer: "community_area", code: "32" }, hours: 24, category: "THEFT" };

async function check(answers: Answers, address = "") {
  const onClose = vi.fn();
  const page = await open(<Explanation peak={PEAK} onClose={onClose} />, address, answers);
  return { ...page, onClose, region: screen.getByRole("region", { name: "Explanation" }) };
}

test("the verdict comes first: counts, then how unusual, told by a sign too", async () => {
  await check({ "/api/v1/explain": EXPLAINED });
  const verdict = await screen.findByTestId("explanation-verdict");
  expect(verdict.textContent).toContain("103 in 24 hours; about 13.1 expected at this hour and season.");
  expect(verdict.textContent).toContain("▲▲▲ Far beyond its usual variation (q = 0.0000048).");
  expect(screen.getByRole("heading", { name: "Why theft in Loop?" })).toBeDefined();
});

test("the explanation begins with the parts furthest above their share", async () => {
  await check({ "/api/v1/explain": EXPLAINED });
  expect((await screen.findByTestId("explanation-parts")).textContent).toBe(
    "60 of 103 at 001XX W LAKE ST (2.0 expected); 60 of 103 in the kind of place “Street” (2.0 expected); 60 of 103 described as “Over $500” (2.0 expected).",
  );
});

test("the parts of each kind add up, others included", async () => {
  await check({ "/api/v1/explain": EXPLAINED });
  const table = await screen.findByRole("table", { name: "Blocks" });
  const rows = within(table)
    .getAllByRole("row")
    .slice(1)
    .map((row) => row.textContent);
  expect(rows).toEqual([
    "001XX W LAKE ST▲▲▲ far beyond its usual variation602.0",
    "All others4311.1",
    "All10313.1",
  ]);
});

test("it asks at the moment that is shown", async () => {
  const { asked } = await check({ "/api/v1/explain": EXPLAINED }, "?at=2017-08-06T06:00");
  await screen.findByTestId("explanation-verdict");
  expect(asked).toContain(
    "/api/v1/explain?area=community_area%3A32&category=THEFT&window=24&at=2017-08-06T06%3A00",
  );
});

test("what was published is told apart from what explains it", async () => {
  const { region } = await check({ "/api/v1/explain": EXPLAINED }, "?as=said");
  await screen.findByTestId("explanation-verdict");
  expect(region.textContent).toContain("which may differ from what was published");
});

test("Escape and its button close it", async () => {
  const { region, onClose } = await check({ "/api/v1/explain": EXPLAINED });
  fireEvent.keyDown(region, { key: "Escape" });
  fireEvent.click(screen.getByTestId("explanation-close"));
  expect(onClose).toHaveBeenCalledTimes(2);
});

test("it leads to the feed of its area and category", async () => {
  await check({ "/api/v1/explain": EXPLAINED });
  expect(screen.getByTestId("explanation-feed").getAttribute("href")).toBe(
    "/feeds/peaks.atom?category=THEFT&area=community_area:32",
  );
});

test("while it waits it says for what", async () => {
  const { region } = await check({ "/api/v1/explain": PENDING });
  expect(region.textContent).toContain("Comparing with what is usual…");
});

test("a refusal is told in the server's words", async () => {
  await check({ "/api/v1/explain": new Refusal("there is no area `99`") });
  expect(await screen.findByText("There is no area `99`.")).toBeDefined();
});
