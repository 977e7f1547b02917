// @vitest-environment happy-dom
import { act, fireEvent, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { META } from "../../testing/answers";
import { open } from "../../testing/page";
import { TimeControl } from "./TimeControl";

const button = (name: string) => screen.getByRole<HTMLButtonElement>("button", { name });

const pass = (ms: number) =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
  });

afterEach(() => vi.useRealTimers());

test("the newest moment is shown as now: there is nothing ahead of it", async () => {
  await open(<TimeControl />);
  expect(screen.getByTestId<HTMLInputElement>("time-at").value).toBe("2018-01-01T00:00");
  expect(button("One day forward").disabled).toBe(true);
  expect(button("Now").disabled).toBe(true);
});

test("steps move it, and Now brings it back", async () => {
  await open(<TimeControl />);
  fireEvent.click(button("One week back"));
  expect(location.search).toBe("?at=2017-12-25T00:00");
  fireEvent.click(button("One hour forward"));
  expect(location.search).toBe("?at=2017-12-25T01:00");
  expect(screen.getByRole("status").textContent).toBe("Shown as of 25 Dec 2017, 01:00.");
  fireEvent.click(button("Now"));
  expect(location.search).toBe("");
});

test("a wished-for moment beyond the data is its end", async () => {
  await open(<TimeControl />, "?at=2017-06-01T00:00");
  fireEvent.change(screen.getByLabelText("Moment shown as now, city time"), {
    target: { value: "2030-01-01T00:00" },
  });
  expect(location.search).toBe("");
});

test("playing steps once a second at the chosen pace until it is paused", async () => {
  await open(<TimeControl />, "?at=2017-06-01T00:00");
  vi.useFakeTimers();
  fireEvent.change(screen.getByRole("combobox", { name: "Pace: one step a second" }), {
    target: { value: "hour" },
  });
  fireEvent.click(button("▶ Play"));
  for (let second = 0; second < 3; second += 1) await pass(1000);
  expect(location.search).toBe("?at=2017-06-01T03:00");
  fireEvent.click(button("❚❚ Pause"));
  await pass(5000);
  expect(location.search).toBe("?at=2017-06-01T03:00");
});

test("without data there is no moment to choose", async () => {
  await open(<TimeControl />, "", { "/api/v1/meta": { ...META, data_as_of: null, earliest: null } });
  expect(screen.queryByTestId("time-control")).toBeNull();
});
