// @vitest-environment happy-dom
import { fireEvent, screen } from "@testing-library/preact";
import { expect, test } from "vitest";
import { META } from "../../testing/answers";
import { open } from "../../testing/page";
import { LayerSwitch } from "./LayerSwitch";

const names = () => screen.getAllByRole("radio").map((radio) => radio.closest("label")?.textContent);

test("the layers are one group of radio buttons, the chosen one checked", async () => {
  await open(<LayerSwitch />, "?layer=density", { "/api/v1/density": {} });
  expect(screen.getByRole("group", { name: "Map layer" })).toBeDefined();
  expect(names()).toEqual(["Count", "Density", "Hot spots", "Emerging", "Change", "Peaks"]);
  expect(screen.getByRole<HTMLInputElement>("radio", { name: "Density" }).checked).toBe(true);
});

test("choosing one changes the address without a step in the history", async () => {
  await open(<LayerSwitch />);
  const steps = history.length;
  fireEvent.click(screen.getByRole("radio", { name: "Hot spots" }));
  expect(location.search).toBe("?layer=hotspots");
  expect(history.length).toBe(steps);
});

test("a city without areas has no peaks to colour them by", async () => {
  await open(<LayerSwitch />, "", { "/api/v1/meta": { ...META, layers: [] } });
  expect(names()).not.toContain("Peaks");
});
