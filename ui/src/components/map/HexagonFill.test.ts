import { latLngToCell } from "h3-js";
import { beforeEach, expect, test } from "vitest";
import { drawCount } from "../../model/layers/count";
import { HexagonFill } from "./HexagonFill";

const [A, B] = [41.88, 41.9].map((latitude) => latLngToCell(latitude, -87.63, 9)) as [string, string];
const counted = (...cells: [string, number][]) =>
  drawCount({ resolution: 9, mapped: 3, unmapped: 0, next_offsets: {}, cells });

let log: string[];
let fill: HexagonFill;

beforeEach(() => {
  log = [];
  const device = {
    createBuffer: ({ data }: { data: Uint8Array }) => {
      log.push(`made ${data.length}`);
      return {
        write: (colours: Uint8Array) => log.push(`written ${colours.length}`),
        destroy: () => log.push("destroyed"),
      };
    },
  };
  fill = new HexagonFill(device as unknown as ConstructorParameters<typeof HexagonFill>[0], 1);
});

test("other counts of known hexagons are written into the same buffer of the same layer", () => {
  const layer = fill.fill(counted([A, 1], [B, 2]), 9, "light");
  expect(fill.fill(counted([B, 3]), 9, "light")).toBe(layer);
  expect(log).toEqual(["made 56", "written 56"]);
});

test("a new hexagon makes a layer; the buffer before lives until the one after", () => {
  const layer = fill.fill(counted([A, 1]), 9, "light");
  expect(fill.fill(counted([A, 1], [B, 2]), 9, "light")).not.toBe(layer);
  expect(log).toEqual(["made 28", "made 56"]);
  fill.fill(counted(), 8, "light");
  expect(log).toEqual(["made 28", "made 56", "destroyed", "made 4"]);
});

test("a layer that was left is not drawn again: deck.gl has ended it", () => {
  const layer = fill.fill(counted([A, 1]), 9, "light");
  fill.leave();
  expect(fill.fill(counted([A, 2]), 9, "light")).not.toBe(layer);
});
