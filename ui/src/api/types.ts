/**
 * The shapes that the server's HTTP API answers with.
 *
 * Times come in two forms: an *instant* ("2017-12-31T23:58:00-06:00") and a *civil* time of the city ("2016-01-01"
 * or "2016-01-01T06:00"), which is what filters take.
 */

/** Next offset per partition of the incident log: what an answer reflects. */
export type NextOffsets = Readonly<Record<string, number>>;

export interface Area {
  readonly code: string;
  readonly name: string;
}

export interface AreaLayer {
  readonly name: string;
  readonly title: string;
  readonly primary: boolean;
  /** Whether `/boundaries/{name}` has outlines to draw. */
  readonly boundaries: boolean;
  readonly areas: readonly Area[];
}

export interface Profile {
  readonly name: string;
  readonly time_zone: string;
  /** West, south, east, north in degrees. */
  readonly bounding_box: readonly [number, number, number, number];
  readonly disclaimer: string;
  readonly portal: string | null;
}

/** The state of one source: whether it works, since when it does not, and what people should know of its rows. */
export interface Source {
  readonly name: string;
  readonly describe: string;
  readonly state: "loading" | "following" | "failing" | "held" | "ended";
  readonly last_success_at: string | null;
  readonly failing_since: string | null;
  readonly why: string | null;
  readonly notices: readonly { readonly kind: string; readonly text: string }[];
}

/** Incidents far from all others in time: counted, but outside the charts' axis. */
export interface Apart {
  readonly incidents: number;
  readonly first: string;
  readonly last: string;
}

/** The figures of `meta` that move while data arrives; live events carry those that changed. */
export interface Figures {
  readonly incidents: { readonly total: number; readonly mapped: number; readonly unmapped: number };
  readonly rejected: number;
  /** Greatest event time seen: the data's own "now". */
  readonly data_as_of: string | null;
  readonly earliest: string | null;
  /** When the newest record was received (wall clock). */
  readonly received_at: string | null;
  readonly caught_up: boolean;
  readonly simulated: boolean;
  readonly sources: readonly Source[];
  readonly outliers: { readonly early: Apart | null; readonly late: Apart | null };
  readonly snapshot: { readonly version: number | null } | null;
}

export interface Meta extends Figures {
  readonly city: string;
  readonly profile: Profile;
  readonly next_offsets: NextOffsets;
  readonly layers: readonly AreaLayer[];
  /** Most frequent first. */
  readonly categories: readonly string[];
}

export type Bucket = "hour" | "day" | "week" | "month" | "year";

export interface Series {
  /** Instants for hours, civil dates for longer buckets; contiguous. */
  readonly buckets: readonly string[];
  readonly series: readonly { readonly key: string; readonly counts: readonly number[] }[];
  readonly next_offsets: NextOffsets;
}

/** H3 index and number of incidents. */
export type Cell = readonly [string, number];

export interface Cells {
  readonly resolution: number;
  readonly cells: readonly Cell[];
  readonly mapped: number;
  readonly unmapped: number;
  readonly next_offsets: NextOffsets;
}

export interface Incident {
  readonly id: string;
  readonly case_number: string | null;
  readonly occurred_at: string;
  readonly updated_at: string | null;
  readonly category: string;
  readonly description: string | null;
  readonly place: string | null;
  readonly block: string | null;
  readonly code: string | null;
  readonly arrest: boolean | null;
  readonly domestic: boolean | null;
  readonly areas: Readonly<Record<string, string | null>>;
  readonly latitude: number | null;
  readonly longitude: number | null;
}

export interface Incidents {
  readonly incidents: readonly Incident[];
  readonly next_cursor: string | null;
}

export interface AreaProperties {
  readonly code: string;
  readonly name: string;
}

export type Boundaries = GeoJSON.FeatureCollection<GeoJSON.MultiPolygon | GeoJSON.Polygon, AreaProperties>;

export interface LiveChange {
  readonly next_offsets: NextOffsets;
  readonly meta?: Partial<Figures>;
  readonly counts?: readonly LiveCount[] | null;
}

export interface LiveCount {
  readonly bucket: string;
  readonly area: string;
  readonly category: string;
  readonly count: number;
}

/** RFC 9457. */
export interface Problem {
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
  readonly parameter?: string;
}
