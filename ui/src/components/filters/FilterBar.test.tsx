// @vitest-environment happy-dom
import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { expect, test } from "vitest";
import { open } from "../../testing/page";
import { FilterBar } from "./FilterBar";

function choose(testId: string, value: string): void {
  fireEvent.change(screen.getByTestId(testId), { target: { value } });
}

test("every control is named and changes the one filter", async () => {
  await open(<FilterBar />);
  for (const name of ["Period", "Category", "Community area", "Arrest", "Domestic"])
    expect(screen.getByRole("combobox", { name })).toBeDefined();
  choose("filter-category", "THEFT");
  choose("filter-area", "32");
  choose("filter-arrest", "true");
  choose("filter-period", "28d");
  expect(location.search).toBe("?from=2017-12-04&category=THEFT&area=community_area:32&arrest=true");
});

test("chips say what is filtered, and each takes its part away", async () => {
  await open(<FilterBar />, "?category=THEFT&area=community_area:32&hour_of_week=0-5");
  const chips = screen.getAllByRole("button", { name: /^Remove filter/ });
  expect(chips.map((chip) => chip.getAttribute("aria-label"))).toEqual([
    "Remove filter: Theft",
    "Remove filter: Loop",
    "Remove filter: Mon 00:00–06:00",
  ]);
  fireEvent.click(screen.getByRole("button", { name: "Remove filter: Theft" }));
  expect(location.search).toBe("?area=community_area:32&hour_of_week=0-5");
});

test("what is filtered by area or category can be subscribed to", async () => {
  await open(<FilterBar />, "?category=THEFT&area=community_area:32");
  const link = screen.getByRole("link", { name: "Subscribe to episodes here" });
  expect(link.getAttribute("href")).toBe("/feeds/peaks.atom?category=THEFT&area=community_area:32");
});

test("other filters have no feed", async () => {
  await open(<FilterBar />, "?arrest=true");
  expect(screen.queryByTestId("filter-feed")).toBeNull();
});

test("all can be cleared, where there is something to clear", async () => {
  await open(<FilterBar />, "?category=THEFT");
  const clear = screen.getByRole<HTMLButtonElement>("button", { name: "Clear all" });
  fireEvent.click(clear);
  expect(location.search).toBe("");
  expect(clear.disabled).toBe(true);
});

test("only what is in view is a box of the map", async () => {
  await open(<FilterBar />, "?map=12.00/41.8800/-87.6300");
  // The map's frame has a size from its second drawing on.
  await waitFor(() => {
    fireEvent.click(screen.getByRole("button", { name: "Only this view" }));
    expect((new URLSearchParams(location.search).get("bbox") ?? "").split(",")).toHaveLength(4);
  });
});
