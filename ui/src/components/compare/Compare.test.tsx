// @vitest-environment happy-dom
import { fireEvent, screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { CHANGED, META, seriesOf } from "../../testing/answers";
import { open, Refusal, type Answers } from "../../testing/page";
import { Charts } from "../Charts";

/** Answers to both periods, whatever the buckets are. */
const DAYS = (): Answers => ({
  "/api/v1/series": seriesOf(["2017-12-04T00:00:00-06:00"], { "": [100] }),
  "/api/v1/series?by=none&bucket=day&from=2017-12-04": seriesOf(["2017-12-04", "2017-12-05"], {
    "": [100, 20],
  }),
  "/api/v1/series?by=none&bucket=day&from=2017-11-06": seriesOf(["2017-11-06"], { "": [100] }),
  "/api/v1/change": CHANGED,
});

const total = async (testId: string, count: string) => {
  await screen.findByText(count, { selector: `[data-testid="${testId}-total"]` });
};
const highest = (testId: string) => {
  const labels = screen.getByTestId(testId).querySelectorAll('.chart-axes text[text-anchor="end"]');
  return [...labels].at(-1)?.textContent;
};

test("two periods have their counts, their difference, and one scale", async () => {
  await open(<Charts />, "?compare=before&from=2017-12-04&to=2018-01-01", DAYS());
  await total("compare-a", "120");
  await total("compare-b", "100");
  expect(screen.getByTestId("compare-difference").textContent).toBe("20 more: 120 after 100 (+20 %).");
  expect(highest("compare-a")).toBe(highest("compare-b"));
  expect(screen.getByRole("region", { name: "4 Dec 2017 – 31 Dec 2017" })).toBeDefined();
  expect(screen.getByRole("region", { name: "6 Nov 2017 – 3 Dec 2017" })).toBeDefined();
});

test("they say where the difference is beyond chance, and the map shows it", async () => {
  await open(<Charts />, "?compare=year", DAYS());
  const test = await screen.findByTestId("compare-test");
  expect(test.textContent).toContain("Beyond chance: more in 3 hexagons, fewer in 1, of 80");
  fireEvent.click(screen.getByRole("button", { name: "Show them on the map" }));
  expect(location.search).toBe("?layer=change&compare=year&compared=year");
});

test("an area is compared with another one or with the city", async () => {
  const answers = {
    "/api/v1/series?by=none": seriesOf(["2017-01-01"], { "": [500] }),
    [`/api/v1/series?by=none&bucket=week&area=${encodeURIComponent("community_area:32")}`]: seriesOf(
      ["2017-01-01"],
      { "": [7] },
    ),
  };
  await open(<Charts />, "?compare=city&area=community_area:32", answers);
  await total("compare-a", "7");
  await total("compare-b", "500");
  expect(screen.getByTestId("compare-difference").textContent).toBe(
    "Loop: 7 incidents; The whole city: 500.",
  );
  expect(screen.queryByTestId("compare-test")).toBeNull();
});

test("what to compare with is chosen by name, without the area itself", async () => {
  await open(<Charts />, "?compare=before&area=community_area:32", DAYS());
  const select = screen.getByRole<HTMLSelectElement>("combobox", { name: /Compare with/ });
  expect([...select.options].map(({ text }) => text)).toEqual([
    "the period before",
    "the same days a year before",
    "the whole city",
    "Near North Side",
  ]);
  fireEvent.change(select, { target: { value: "community_area:8" } });
  expect(location.search).toBe("?area=community_area:32&compare=community_area:8");
});

test("two equal sides are no comparison, and it says what to do", async () => {
  await open(<Charts />, "?compare=city");
  expect(screen.getByText(/Both sides would be the same/)).toBeDefined();
});

test("a failure is told", async () => {
  await open(<Charts />, "?compare=before", { "/api/v1/series": new Refusal("the period is too long") });
  expect(
    await screen.findByText("The comparison could not be loaded: the period is too long."),
  ).toBeDefined();
});

test("it is one of the charts, and another one ends it", async () => {
  await open(<Charts />, "", {
    ...DAYS(),
    "/api/v1/meta": { ...META, layers: [] },
  });
  fireEvent.click(await screen.findByRole("radio", { name: "Compare" }));
  expect(location.search).toBe("?compare=before");
  fireEvent.click(await screen.findByRole("radio", { name: "Over time" }));
  expect(location.search).toBe("");
});
