// @vitest-environment happy-dom
import { fireEvent, screen, waitFor } from "@testing-library/preact";
import { expect, test, vi } from "vitest";
import { META } from "../../testing/answers";
import { open, PENDING } from "../../testing/page";
import { TakeAway } from "./TakeAway";

const link = (testId: string) => screen.getByTestId(testId).getAttribute("href");

test("figures are those of the map, as files", async () => {
  await open(<TakeAway />, "?category=THEFT&resolution=8");
  await screen.findByTestId("download-csv");
  expect(link("download-csv")).toBe("/api/v1/cells?resolution=8&category=THEFT&format=csv");
  expect(link("download-geojson")).toBe("/api/v1/cells?resolution=8&category=THEFT&format=geojson");
});

test("before there are figures there is nothing to download", async () => {
  await open(<TakeAway />, "", { "/api/v1/cells": PENDING });
  expect(screen.queryByTestId("download-csv")).toBeNull();
});

test("the link is copied, and a browser that forbids it is told", async () => {
  await open(<TakeAway />, "?category=THEFT");
  const writeText = vi.fn(() => Promise.resolve());
  vi.stubGlobal("navigator", { clipboard: { writeText } });
  fireEvent.click(screen.getByTestId("copy-link"));
  expect(await screen.findByText("✓ Copied")).toBeDefined();
  expect(writeText).toHaveBeenCalledWith(location.href);
  writeText.mockImplementation(() => Promise.reject(new Error("no")));
  fireEvent.click(screen.getByTestId("copy-embed"));
  expect(await screen.findByText("Not allowed here")).toBeDefined();
});

test("a picture before the map is there says so", async () => {
  await open(<TakeAway />);
  fireEvent.click(screen.getByTestId("save-picture"));
  expect((await screen.findByRole("alert")).textContent).toBe("The map is not there yet.");
});

test("feed readers find the feed of what is filtered in the page's head", async () => {
  await open(<TakeAway />, "?area=community_area:32");
  const found = () =>
    [...document.head.querySelectorAll('link[rel="alternate"]')].map((each) => each.getAttribute("href"));
  await waitFor(() => expect(found()).toEqual(["/feeds/peaks.atom?area=community_area:32"]));
  expect(link("feed-link")).toBe("/feeds/peaks.atom?area=community_area:32");
});

test("a city without areas has no feed", async () => {
  await open(<TakeAway />, "", { "/api/v1/meta": { ...META, layers: [] } });
  expect(screen.queryByTestId("feed-link")).toBeNull();
  expect(document.head.querySelector('link[rel="alternate"]')).toBeNull();
});

test("Escape closes the menu and goes back to its button", async () => {
  await open(<TakeAway />);
  const menu = screen.getByTestId("take-away").closest("details");
  if (menu === null) throw new Error("it is a disclosure");
  menu.open = true;
  fireEvent.keyDown(screen.getByTestId("copy-link"), { key: "Escape" });
  expect(menu.open).toBe(false);
  expect(document.activeElement).toBe(screen.getByTestId("take-away"));
});
