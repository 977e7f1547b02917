// @vitest-environment happy-dom
import { act, cleanup, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NO_FILTER } from "../model/filter";
import { PreviewIfSeen, useAskedFilter, useMapFilter, useView, ViewProvider, type ViewControl } from "./view";

let control: ViewControl;
let drawnViews = 0;

function Asking({ name }: { readonly name: string }) {
  return <p data-testid={name}>{useAskedFilter().from ?? "all"}</p>;
}

function Mapping() {
  return <p data-testid="map">{useMapFilter().from ?? "all"}</p>;
}

function Showing() {
  control = useView();
  drawnViews += 1;
  return null;
}

const asked = () => ["map", "asked", "unseen"].map((name) => screen.getByTestId(name).textContent);

afterEach(cleanup);

beforeEach(() => {
  history.replaceState(null, "", "/");
  render(
    <ViewProvider>
      <Mapping />
      <Asking name="asked" />
      <PreviewIfSeen isSeen={false}>
        <Asking name="unseen" />
      </PreviewIfSeen>
      <Showing />
    </ViewProvider>,
  );
});

test("a filter that is being chosen is asked by, and neither in the address nor drawn by what shows the view", () => {
  const before = drawnViews;
  void act(() => control.preview({ ...NO_FILTER, from: "2017-01-01" }));
  expect(asked()).toEqual(["2017-01-01", "all", "all"]);
  void act(() => control.follow());
  expect(asked()).toEqual(["2017-01-01", "2017-01-01", "all"]);
  expect([location.search, drawnViews]).toEqual(["", before]);
  void act(() => control.preview(null));
  expect(asked()).toEqual(["all", "all", "all"]);
});

test("a filter that is chosen is a step in the history and ends the preview", () => {
  const steps = history.length;
  void act(() => control.preview({ ...NO_FILTER, from: "2017-01-01" }));
  void act(() => control.setFilter({ ...NO_FILTER, from: "2017-02-01" }));
  expect(asked()).toEqual(["2017-02-01", "2017-02-01", "2017-02-01"]);
  expect([location.search, history.length]).toEqual(["?from=2017-02-01", steps + 1]);
});
