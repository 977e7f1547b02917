/**
 * Short names for what the server's HTTP API answers with. `npm run types` makes `schema.d.ts` from the OpenAPI document.
 * What each member means is said there.
 *
 * Times come in two forms: an *instant* ("2017-12-31T23:58:00-06:00") and a *civil* time of the city ("2016-01-01"
 * or "2016-01-01T06:00"), which is what filters take.
 */
import type { components, paths } from "./schema";

type Schemas = components["schemas"];

export type Meta = Schemas["MetaAnswer"];
/** By partition of the log. */
export type NextOffsets = Meta["next_offsets"];
export type Profile = Meta["profile"];
export type AreaLayer = Meta["layers"][number];

/** The figures of `meta` that move while data arrives. */
export type Figures = Schemas["Figures"];
export type Source = Figures["sources"][number];
export type Apart = NonNullable<Figures["outliers"]["early"]>;

/** An incident as the server counts it. */
export type CountedIncident = Schemas["CountedIncident"];
/** What a record of the log changed. */
export type ChangedIncident = Schemas["IncidentChange"];

/** A live event carries the figures that changed, each as a whole, and no others. */
export type LiveChange = Schemas["Change"];

/** Streets and names below the data. */
export type Basemap = NonNullable<Meta["basemap"]>;

type SeriesQuery = NonNullable<paths["/api/v1/series"]["get"]["parameters"]["query"]>;
export type Bucket = NonNullable<SeriesQuery["bucket"]>;
export type Series = Schemas["SeriesAnswer"];

export type Cells = Schemas["CellsAnswer"];
/** H3 index and number of incidents. */
export type Cell = Cells["cells"][number];

export type Hotspots = Schemas["HotspotsAnswer"];
export type HotspotCell = Schemas["HotspotCell"];
export type HotspotClass = Schemas["CellClass"];

export type Emerging = Schemas["EmergingAnswer"];
export type EmergingCell = Schemas["EmergingCell"];
export type EmergingPattern = Schemas["CellPattern"];

export type Change = Schemas["PeriodChangeAnswer"];
export type ChangedCell = Schemas["ChangedCell"];

export type Hours = Schemas["HoursAnswer"];

export type Density = Schemas["DensityAnswer"];

export type Peaks = Schemas["PeaksAnswer"];
export type PeakWindow = Schemas["ReportedWindow"];
export type Peak = Schemas["ReportedPeak"];
export type Course = Schemas["Course"];

export type Explanation = Schemas["ExplainAnswer"];
export type Parts = Schemas["Parts"];

export type Incidents = Schemas["IncidentsAnswer"];
export type Incident = Incidents["incidents"][number];

export type RejectedPage = Schemas["RejectedAnswer"];
export type RejectedRecord = Schemas["RejectedRecord"];

export type Found = Schemas["FindAnswer"];

/** By hand: GeoJSON's own types say what a geometry is. A city may publish an area without an outline, or as a point. */
export type Boundaries = GeoJSON.FeatureCollection<GeoJSON.Geometry | null, AreaName>;

/** Areas that have an outline. */
export type Outlines = GeoJSON.FeatureCollection<GeoJSON.MultiPolygon | GeoJSON.Polygon, AreaName>;

interface AreaName {
  readonly code: string;
  readonly name: string;
}

/** RFC 9457. */
export type Problem = Schemas["ProblemDetails"];
