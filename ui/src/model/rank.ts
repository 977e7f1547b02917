/** Totals per area or category, in order, with their share of the whole. */
import type { Series } from "../api/types";

export interface RankedRow {
  readonly key: string;
  readonly total: number;
  readonly share: number;
}

export function rank(series: Series): RankedRow[] {
  const totals = series.series.map(({ key, counts }) => ({
    key,
    total: counts.reduce((sum, count) => sum + count, 0),
  }));
  const whole = totals.reduce((sum, { total }) => sum + total, 0);
  return totals
    .map((row) => ({ ...row, share: whole === 0 ? 0 : row.total / whole }))
    .toSorted((a, b) => b.total - a.total || a.key.localeCompare(b.key));
}

/** The `most` largest series and, when there are more, the sum of the rest: nothing is left out of the picture. */
export function largest(series: Series, most: number): { key: string | null; counts: readonly number[] }[] {
  if (series.series.length <= most + 1) return series.series.map(({ key, counts }) => ({ key, counts }));
  const rest = series.buckets.map((_, index) =>
    series.series.slice(most).reduce((sum, { counts }) => sum + (counts[index] ?? 0), 0),
  );
  return [...series.series.slice(0, most), { key: null, counts: rest }];
}
