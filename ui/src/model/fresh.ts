/** Which hexagons have more incidents than in the answer before to the same question: where something new was reported. */
import type { Cell } from "../api/types";

/** In a flood of news, marks of everything would mark nothing. */
const MOST_MARKED = 60;

export function freshCells(before: readonly Cell[], after: readonly Cell[]): string[] {
  const known = new Map(before);
  const risen = after.flatMap(([cell, count]) => {
    const more = count - (known.get(cell) ?? 0);
    return more > 0 ? [{ cell, more }] : [];
  });
  return risen
    .toSorted((a, b) => b.more - a.more)
    .slice(0, MOST_MARKED)
    .map(({ cell }) => cell);
}

/** The cells that have risen since a time, the last ones of a flood; what is older is forgotten. */
export function marked(risenAt: Map<string, number>, since: number): string[] {
  for (const [cell, at] of risenAt) if (at <= since) risenAt.delete(cell);
  return [...risenAt.keys()].slice(-MOST_MARKED);
}
