/** How unusual a count is: from q, which is corrected for everything that was tested, to words. */
import type { Theme } from "./ramp";

export interface Standing {
  readonly id: "far" | "beyond" | "somewhat" | "usual";
  /** "far beyond its usual variation". */
  readonly words: string;
  /** Told by more than colour. */
  readonly sign: string;
  readonly colours: Readonly<Record<Theme, string>> | null;
  /** q up to which it holds. */
  readonly to: number;
}

/** From the most to the least unusual. */
export const STANDINGS: readonly Standing[] = [
  {
    id: "far",
    words: "far beyond its usual variation",
    sign: "▲▲▲",
    colours: { light: "#a41e6c", dark: "#ffc175" },
    to: 0.001,
  },
  {
    id: "beyond",
    words: "beyond its usual variation",
    sign: "▲▲",
    colours: { light: "#f66c3a", dark: "#ea5866" },
    to: 0.05,
  },
  {
    id: "somewhat",
    words: "somewhat beyond its usual variation",
    sign: "▲",
    colours: { light: "#feda7f", dark: "#803186" },
    to: 0.1,
  },
  { id: "usual", words: "may be chance", sign: "·", colours: null, to: 1 },
];

export function standingIndex(q: number): number {
  const index = STANDINGS.findIndex(({ to }) => q <= to);
  return index === -1 ? STANDINGS.length - 1 : index;
}

export function standing(q: number): Standing {
  const found = STANDINGS[standingIndex(q)];
  if (found === undefined) throw new Error("there is a last standing");
  return found;
}
