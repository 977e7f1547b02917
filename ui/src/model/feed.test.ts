import { expect, test } from "vitest";
import { feedPath } from "./feed";

test.each([
  [{ areas: [], categories: [] }, "/feeds/peaks.atom"],
  [
    { areas: [{ layer: "community_area", code: "32" }], categories: ["THEFT"] },
    "/feeds/peaks.atom?category=THEFT&area=community_area:32",
  ],
  [{ areas: [{ layer: "beat", code: "0111" }], categories: [] }, "/feeds/peaks.atom"],
])("%o is %s", (filter, path) => expect(feedPath(filter, "community_area")).toBe(path));
