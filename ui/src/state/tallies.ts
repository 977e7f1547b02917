/** How the answers to a filter's questions are moved by changed incidents; null where only the server can tell. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Bucket, Cells, Hours, Meta, Series } from "../api/types";
import type { Filter } from "../model/filter";
import { CellsTally, type CellOf } from "../model/increments/cells";
import { CityClock } from "../model/increments/clock";
import { matcherOf, type Counted, type Matches } from "../model/increments/counted";
import { HoursTally } from "../model/increments/hours";
import { SeriesTally } from "../model/increments/series";
import type { TallyOf } from "../model/increments/tally";
import { useMeta } from "./live";

/** A pause this long before an incident never sets it apart from the others (`crates/incident/src/outliers.rs`). */
const NEVER_APART_MS = 12 * 3_600_000;

interface Context {
  readonly clock: CityClock;
  readonly matches: Matches | null;
}

function useMatches(filter: Filter): Context {
  const { profile, layers, categories } = useMeta();
  const clock = useMemo(() => new CityClock(profile.time_zone), [profile.time_zone]);
  const matches = useMemo(
    () => matcherOf(filter, { layers, categories }, clock),
    [filter, layers, categories, clock],
  );
  return { clock, matches };
}

/** The tally of `series?by=…&bucket=…` with a filter. */
export function useSeriesTally(filter: Filter, by: string, bucket: Bucket): TallyOf<Series> | null {
  const { clock, matches } = useMatches(filter);
  const meta = useMeta();
  // As it is when an answer arrives.
  const known = useRef(meta);
  known.current = meta;
  return useMemo(() => {
    if (matches === null) return null;
    return (answer) => {
      const extent = extentOf(known.current);
      const first = filter.from === null ? extent.first : -Infinity;
      // The edge moves with what is counted.
      let last = filter.to === null ? extent.last : Infinity;
      const isOnAxis = ({ instant }: Counted) => {
        if (instant < first || instant > last + NEVER_APART_MS) return false;
        last = Math.max(last, instant);
        return true;
      };
      return new SeriesTally(answer, { by, bucket, matches, clock, isOnAxis });
    };
  }, [matches, filter, by, bucket, clock]);
}

export function useCellsTally(filter: Filter): TallyOf<Cells> | null {
  const { matches } = useMatches(filter);
  const cellOf = useCellOf();
  return useMemo(
    () => (matches === null || cellOf === null ? null : (answer) => new CellsTally(answer, matches, cellOf)),
    [matches, cellOf],
  );
}

/** H3 is fetched apart, with the map that needs it, too; null until it is there. */
function useCellOf(): CellOf | null {
  const [cellOf, setCellOf] = useState<CellOf | null>(null);
  useEffect(() => {
    // Without it, hexagons are asked for anew.
    import("h3-js").then(
      ({ latLngToCell }) => setCellOf(() => latLngToCell),
      () => setCellOf(null),
    );
  }, []);
  return cellOf;
}

export function useHoursTally(filter: Filter): TallyOf<Hours> | null {
  const { matches } = useMatches(filter);
  return useMemo(() => (matches === null ? null : (answer) => new HoursTally(answer, matches)), [matches]);
}

function extentOf({ earliest, data_as_of: latest }: Meta): { readonly first: number; readonly last: number } {
  return {
    first: earliest === null ? Infinity : Date.parse(earliest),
    last: latest === null ? -Infinity : Date.parse(latest),
  };
}
