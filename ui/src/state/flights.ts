/** How many questions are on their way, for whoever wants to change together with the views that wait for them. */

export class Flights {
  #count = 0;
  readonly #waiting = new Set<() => void>();

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const land of this.#waiting) land();
    this.#waiting.clear();
  }

  /** When those have been answered that are asked by the end of this task, or after this long. */
  async landed(most_ms: number): Promise<void> {
    await new Promise((asked) => setTimeout(asked, 0));
    if (this.#count === 0) return;
    await new Promise<void>((land) => {
      this.#waiting.add(land);
      setTimeout(() => {
        this.#waiting.delete(land);
        land();
      }, most_ms);
    });
  }
}

/** Those of the page. */
export const flights = new Flights();
