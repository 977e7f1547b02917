/** Hours of the week that follow the stream, in one line. */
import type { Hours } from "../../api/types";
import { WEEK_HOURS } from "../hours";
import { hourOfWeek, type Counted, type Matches } from "./counted";
import type { Tally } from "./tally";

export class HoursTally implements Tally<Hours> {
  readonly #matches: Matches;
  readonly #answer: Hours;
  readonly #counts: number[];

  constructor(answer: Hours, matches: Matches) {
    this.#matches = matches;
    this.#answer = answer;
    this.#counts = [...(answer.lines[0]?.counts ?? new Array<number>(WEEK_HOURS).fill(0))];
  }

  move(counted: Counted, by: 1 | -1): boolean {
    if (!this.#matches(counted)) return true;
    const hour = hourOfWeek(counted.civil);
    this.#counts[hour] = (this.#counts[hour] ?? 0) + by;
    return (this.#counts[hour] ?? 0) >= 0;
  }

  answer(): Hours {
    const isEmpty = this.#counts.every((count) => count === 0);
    return { ...this.#answer, lines: isEmpty ? [] : [{ key: "", counts: [...this.#counts] }] };
  }
}
