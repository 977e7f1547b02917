/** Hexagons that follow the stream. */
import type { Cell, Cells } from "../../api/types";
import type { Counted, Matches } from "./counted";
import type { Tally } from "./tally";

export type CellOf = (latitude: number, longitude: number, resolution: number) => string;

/** With the hexagons that have more incidents than in the answer before. */
export interface MovedCells extends Cells {
  readonly risen?: readonly string[];
}

export class CellsTally implements Tally<MovedCells> {
  readonly #matches: Matches;
  readonly #resolution: number;
  readonly #cellOf: CellOf;
  readonly #shown: MovedCells;
  readonly #places = new Map<string, number>();
  /** In the order of their indices, which is that of the answer. */
  #cells: readonly Cell[];
  #mapped: number;
  #unmapped: number;
  /** By how much each has moved since the last answer. */
  readonly #moved = new Map<string, number>();

  constructor(answer: Cells, matches: Matches, cellOf: CellOf) {
    this.#cellOf = cellOf;
    this.#matches = matches;
    this.#resolution = answer.resolution;
    this.#shown = answer;
    this.#cells = answer.cells;
    this.#mapped = answer.mapped;
    this.#unmapped = answer.unmapped;
    this.#index();
  }

  move(counted: Counted, by: 1 | -1): boolean {
    if (!this.#matches(counted)) return true;
    const { latitude, longitude } = counted;
    if (latitude === null || longitude === null) {
      this.#unmapped += by;
      return this.#unmapped >= 0;
    }
    const cell = this.#cellOf(latitude, longitude, this.#resolution);
    this.#mapped += by;
    this.#moved.set(cell, (this.#moved.get(cell) ?? 0) + by);
    return this.#mapped >= 0;
  }

  answer(): MovedCells {
    const cells = [...this.#cells];
    const added: Cell[] = [];
    const risen: string[] = [];
    let isGone = false;
    for (const [cell, by] of this.#moved) {
      if (by === 0) continue;
      const place = this.#places.get(cell);
      const count = (place === undefined ? 0 : (cells[place]?.[1] ?? 0)) + by;
      if (by > 0) risen.push(cell);
      if (place === undefined) added.push([cell, count]);
      else cells[place] = [cell, count];
      if (count <= 0) isGone = true;
    }
    this.#moved.clear();
    this.#cells = cells;
    if (added.length > 0 || isGone) {
      this.#cells = [...cells, ...added]
        .filter(([, count]) => count > 0)
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#index();
    }
    return { ...this.#shown, cells: this.#cells, mapped: this.#mapped, unmapped: this.#unmapped, risen };
  }

  #index(): void {
    this.#places.clear();
    for (let at = 0; at < this.#cells.length; at += 1) this.#places.set(this.#cells[at]?.[0] ?? "", at);
  }
}
