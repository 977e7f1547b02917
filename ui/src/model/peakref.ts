/** A selected peak as one value of the address: `community_area:32/24/THEFT` (area, hours of the window, category). */
import type { AreaRef } from "./filter";

export interface PeakRef {
  readonly area: AreaRef;
  readonly hours: number;
  readonly category: string;
}

/** The category comes last, because it may hold any character. */
const FORM = /^([^:]+):(.+?)\/(1|6|24|168)\/(.+)$/;

export function formatPeakRef({ area, hours, category }: PeakRef): string {
  return `${area.layer}:${area.code}/${hours}/${category}`;
}

export function parsePeakRef(text: string | null): PeakRef | null {
  const [, layer, code, hours, category] = FORM.exec(text ?? "") ?? [];
  if (layer === undefined || code === undefined || category === undefined) return null;
  return { area: { layer, code }, hours: Number(hours), category };
}

export function samePeak(a: PeakRef | null, b: PeakRef | null): boolean {
  if (a === null || b === null) return a === b;
  return formatPeakRef(a) === formatPeakRef(b);
}
