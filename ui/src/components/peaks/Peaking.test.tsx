// @vitest-environment happy-dom
import { fireEvent, screen, waitFor, within } from "@testing-library/preact";
import { expect, test } from "vitest";
import { EXPLAINED, META, peaksOf, THEFT } from "../../testing/answers";
import { open, PENDING, Refusal, type Answers } from "../../testing/page";
import { Peaking } from "./Peaking";

const [LAYER] = META.layers;

async function check(address: string, answers: Answers) {
  if (LAYER === undefined) throw new Error("the city has areas");
  return open(<Peaking layer={LAYER} isShown={true} />, address, answers);
}

test("each peak is a button that says where, what, how many and how unusual", async () => {
  await check("", { "/api/v1/peaks": peaksOf(THEFT) });
  const row = await screen.findByRole("button", {
    name: "Theft in Loop: 103 in 24 hours, about 13.1 expected at this hour and season. Far beyond its usual variation (q = 0.0000048).",
  });
  expect(row.getAttribute("aria-expanded")).toBe("false");
  expect(screen.getByTestId("peaks-summary").textContent).toContain("corrected for all 2,000 comparisons");
});

test("a chosen peak opens its explanation and goes to the address; Escape brings the list and the focus back", async () => {
  await check("", { "/api/v1/peaks": peaksOf(THEFT), "/api/v1/explain": EXPLAINED });
  fireEvent.click(await screen.findByRole("button", { name: /^Theft in Loop/ }));
  const explanation = await screen.findByRole("region", { name: "Explanation" });
  expect(location.search).toBe("?peak=community_area:32/24/THEFT");
  expect(screen.getByTestId("peaks").hidden).toBe(true);
  fireEvent.keyDown(explanation, { key: "Escape" });
  expect(screen.queryByRole("region", { name: "Explanation" })).toBeNull();
  expect(document.activeElement).toBe(screen.getByRole("button", { name: /^Theft in Loop/ }));
});

test("a calm day says so and still shows the most unusual", async () => {
  await check("", { "/api/v1/peaks": peaksOf({ ...THEFT, q: 0.6 }) });
  expect((await screen.findByTestId("peaks-summary")).textContent).toContain(
    "Nothing stands out among 2,000 comparisons: each of these may be chance.",
  );
  expect(screen.getAllByTestId("peak")).toHaveLength(1);
});

test("an empty list says what was looked for", async () => {
  await check("", { "/api/v1/peaks": peaksOf() });
  expect(await screen.findByText(/No incidents of these areas and categories/)).toBeDefined();
});

test("while the answer is on its way it says what is being done", async () => {
  await check("", { "/api/v1/peaks": PENDING });
  expect(screen.getByText("Comparing with what is usual…")).toBeDefined();
  await waitFor(() => expect(screen.getByTestId("peaks").getAttribute("aria-busy")).toBe("true"));
});

test("a refusal is told in the server's words", async () => {
  await check("?as=said", { "/api/v1/peaks": new Refusal("nothing was published by then") });
  expect(await screen.findByText("Nothing was published by then.")).toBeDefined();
});

test("filters that do not count here are named", async () => {
  await check("?arrest=true", { "/api/v1/peaks": peaksOf(THEFT) });
  expect(await screen.findByText(/only the filters of area and category/)).toBeDefined();
});

test("a window is chosen by its name", async () => {
  await check("", { "/api/v1/peaks": peaksOf(THEFT) });
  const select = screen.getByRole("combobox", { name: "Window" });
  expect(
    within(select)
      .getAllByRole("option")
      .map(({ textContent }) => textContent),
  ).toContain("last 7 days");
  fireEvent.change(select, { target: { value: "168" } });
  expect(location.search).toBe("?window=168");
});
