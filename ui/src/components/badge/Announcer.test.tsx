// @vitest-environment happy-dom
import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { Announcer } from "./Announcer";

const said = () => screen.getByRole("status").textContent;

afterEach(cleanup);

test("a filter is said at once, what data stream in is not", async () => {
  const { rerender } = render(<Announcer question="" sentence="10 incidents match." />);
  await waitFor(() => expect(said()).toBe("10 incidents match."));
  rerender(<Announcer question="" sentence="11 incidents match." />);
  rerender(<Announcer question="from=2017" sentence="4 incidents match." />);
  await waitFor(() => expect(said()).toBe("4 incidents match."));
});

test("a filter that is being chosen is said once it is chosen", async () => {
  const { rerender } = render(<Announcer question="" sentence="10 incidents match." />);
  await waitFor(() => expect(said()).toBe("10 incidents match."));
  rerender(<Announcer question="from=2017" sentence="4 incidents match." isHeld />);
  await new Promise((rest) => setTimeout(rest, 100));
  expect(said()).toBe("10 incidents match.");
  rerender(<Announcer question="from=2017" sentence="4 incidents match." />);
  await waitFor(() => expect(said()).toBe("4 incidents match."));
});
