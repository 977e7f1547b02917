/** Answers of a small city for tests of components. */
import type {
  Cells,
  Change,
  Explanation,
  Found,
  Hours,
  Meta,
  Parts,
  Peak,
  Peaks,
  Series,
} from "../api/types";

export const META: Meta = {
  city: "chicago",
  profile: {
    name: "Chicago",
    time_zone: "America/Chicago",
    bounding_box: [-87.95, 41.64, -87.52, 42.03],
    disclaimer: "Provided by the City of Chicago.",
    portal: "https://data.cityofchicago.org/",
  },
  incidents: { total: 1000, mapped: 990, unmapped: 10 },
  rejected: 0,
  data_as_of: "2017-12-31T23:58:00-06:00",
  earliest: "2012-01-01T00:00:00-06:00",
  received_at: "2018-01-01T06:00:00Z",
  caught_up: true,
  simulated: false,
  source: null,
  sources: [],
  outliers: { early: null, late: null },
  snapshot: { version: null, refused: null },
  next_offsets: { 0: 1000 },
  layers: [
    {
      name: "community_area",
      title: "Community area",
      primary: true,
      boundaries: false,
      disagreeing: null,
      areas: [
        { code: "32", name: "Loop" },
        { code: "8", name: "Near North Side" },
      ],
    },
  ],
  categories: ["THEFT", "BATTERY"],
  basemap: null,
};

export const THEFT: Peak = {
  area: "32",
  category: "THEFT",
  observed: 103,
  expected: 13.1,
  ratio: 7.9,
  percent_more: 686.3,
  dispersion: 1,
  p: 1e-8,
  q: 4.8e-6,
  surge_evidence: null,
};

export function peaksOf(...peaks: readonly Peak[]): Peaks {
  return {
    at: "2018-01-01T00:00:00-06:00",
    layer: "community_area",
    next_offsets: { 0: 1000 },
    reporting_lag: "none",
    tests: 2000,
    windows: [{ hours: 24, standing: "ranked", reported_share: 1, tests: 2000, peaks }],
  };
}

export function seriesOf(
  buckets: readonly string[],
  lines: Readonly<Record<string, readonly number[]>>,
): Series {
  const series = Object.entries(lines).map(([key, counts]) => ({ key, counts }));
  return { buckets, series, next_offsets: { 0: 1000 } };
}

export const CELLS: Cells = {
  resolution: 9,
  mapped: 12,
  unmapped: 3,
  next_offsets: { 0: 1000 },
  cells: [
    ["892664c1a87ffff", 2],
    ["892664c1a8fffff", 10],
  ],
};

export const HOURS: Hours = {
  next_offsets: { 0: 1000 },
  lines: [{ key: "", counts: Array.from({ length: 168 }, (_, hour) => hour) }],
};

export const FOUND: Found = {
  areas: [{ layer: "community_area", title: "Community area", code: "32", name: "Loop" }],
  categories: ["THEFT"],
  blocks: [],
  incidents: [],
  searched: 1000,
};

function parts(text: string): Parts {
  return {
    learned_from: 1000,
    parts: [{ text, observed: 60, expected: 2, p: 1e-9, q: 1e-8 }],
    others: { observed: 43, expected: 11.1 },
  };
}

export const EXPLAINED: Explanation = {
  at: "2018-01-01T00:00:00-06:00",
  from: "2017-12-31T00:00:00-06:00",
  layer: "community_area",
  area: "32",
  category: "THEFT",
  window_hours: 24,
  standing: "ranked",
  reported_share: 1,
  observed: 103,
  expected: 13.1,
  percent_more: 686.3,
  dispersion: 1,
  p: 1e-8,
  q: 4.8e-6,
  usual_week: 98,
  city_share: 0.12,
  learned_weeks: 300,
  course: {
    from: "2017-12-31T00:00:00-06:00",
    step_hours: 1,
    observed: [1, 2],
    expected: [1, 1],
    low: [0, 0],
    high: [3, 3],
  },
  hours: [{ hour: 3, observed: 103, expected: 13.1 }],
  holidays: [],
  blocks: parts("001XX W LAKE ST"),
  places: parts("STREET"),
  descriptions: parts("OVER $500"),
  incidents: [],
  unread: 0,
  next_offsets: { 0: 1000 },
};

export const CHANGED: Change = {
  from: "2017-12-04T00:00:00-06:00",
  to: "2018-01-01T00:00:00-06:00",
  before_from: "2017-11-06T00:00:00-06:00",
  before_to: "2017-12-04T00:00:00-06:00",
  days: 28,
  before_days: 28,
  resolution: 8,
  study_area: "within_reach",
  n: 100,
  tests: 80,
  confidence: 90,
  more: 3,
  fewer: 1,
  mapped: 12,
  before_mapped: 10,
  unmapped: 0,
  before_unmapped: 0,
  next_offsets: { 0: 1000 },
  cells: [],
};
