// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { creditsOf, creditText } from "./attribution";

test("text and links stay, all else goes", () => {
  const html =
    '<b>©</b> <a href="https://www.openstreetmap.org/copyright" onclick="x()">OpenStreetMap</a><script>y()</script>';
  expect(creditsOf(html)).toEqual([
    { text: "©", href: null },
    { text: " ", href: null },
    { text: "OpenStreetMap", href: "https://www.openstreetmap.org/copyright" },
  ]);
  expect(creditText(html)).toBe("© OpenStreetMap");
});

test("a link that runs something is text", () => {
  expect(creditsOf('<a href="javascript:x()">me</a>')).toEqual([{ text: "me", href: null }]);
});
