/**
 * What the map draws for an answer, whatever the layer: hexagons or a grid or areas, each in one class.
 *
 * Map, legend, tooltip and table are made from the same drawing, so that they cannot disagree.
 */
import type { Theme } from "../ramp";
import type { LayerName } from "../view";

export interface LayerClass {
  readonly id: string;
  readonly label: string;
  readonly colours: Readonly<Record<Theme, string>>;
  /** Stands in the hexagon and in the legend, so that classes are told by more than colour; may be empty. */
  readonly sign: string;
  /** How many hexagons, grid cells or areas are in it. */
  readonly members: number;
}

/** Rows from the south, each from west to east. */
export interface Grid {
  readonly width: number;
  readonly height: number;
  /** Longitude and latitude, counter-clockwise from the south-west. */
  readonly corners: readonly (readonly [number, number])[];
  readonly values: readonly number[];
}

/** What is known of one place: a headline, and sentences. */
export interface Told {
  readonly title: string;
  readonly lines: readonly string[];
}

export interface Drawing {
  readonly layer: LayerName;
  /** H3 indices. */
  readonly cells: readonly string[];
  readonly resolution: number | null;
  readonly grid: Grid | null;
  /** Class of each hexagon or grid cell; −1 is not filled. */
  readonly classOf: Int8Array;
  /** Class by the area's code. */
  readonly areas: ReadonlyMap<string, number> | null;
  readonly classes: readonly LayerClass[];
  /** What the members of a class are. */
  readonly unit: readonly [one: string, many: string];
  /** What the classes leave out: "0", and how it is drawn. */
  readonly rest: readonly [label: string, how: string] | null;
  readonly heading: string;
  /** How the figures came about, one sentence each. */
  readonly facts: readonly string[];
  readonly caution: string | null;
  /** null where the layer has no incidents of its own. */
  readonly mapped: number | null;
  readonly unmapped: number | null;
  /** Of the hexagon or grid cell at an index; −1 is none that was drawn. */
  readonly tell: (index: number) => Told;
  readonly tellArea: (code: string) => Told | null;
}

export function countMembers(classOf: Int8Array, classes: number): number[] {
  const members = new Array<number>(classes).fill(0);
  for (const index of classOf) if (index >= 0) members[index] = (members[index] ?? 0) + 1;
  return members;
}

export const NOT_OF_AREAS = (): null => null;
