/** The city's clock, from its time zone: the instant of a civil time, and the offset that holds at an instant. */

const DAY_MS = 86_400_000;

export class CityClock {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** Civil time minus UTC. */
  offsetMs(instant: number): number {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  }

  /**
   * The instant of a civil time, as the server reads it (RFC 5545): of two the earlier one; a time that a clock skips
   * counts from before the change.
   */
  instantOf(civil: number): number {
    const before = this.offsetMs(civil - DAY_MS);
    const after = this.offsetMs(civil + DAY_MS);
    const earlier = civil - before;
    if (before === after || this.offsetMs(earlier) === before) return earlier;
    const later = civil - after;
    return this.offsetMs(later) === after ? later : earlier;
  }

  /** An hour's beginning as the API writes it: "2017-12-31T23:00:00-06:00". */
  text(instant: number): string {
    const offset = this.offsetMs(instant);
    const minutes = Math.abs(offset) / 60_000;
    const two = (number: number) => String(number).padStart(2, "0");
    const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
    return `${new Date(instant + offset).toISOString().slice(0, 19)}${zone}`;
  }
}
