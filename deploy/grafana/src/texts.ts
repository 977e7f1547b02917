/** Titles, descriptions and bounds that the dashboards of both databases share. */

/** A pair of area and category is peaking where its q is at most this. */
export const MOST_Q = 0.05;
/** `detect` publishes at most one tick for each hour of the data that stays. */
export const EVERY_PEAK = "1h";
/** In hours, as the tag `window` has them; the first is chosen. */
export const WINDOWS = "24,1,6,168";

export const TEXTS = {
  dashboard:
    "Hourly counts by type and area, and what is peaking, as Blotter's role `detect` writes them. Times are those of the incidents.",
  byType: {
    title: "Crimes by type over time",
    description: "Incidents per interval, by category. Revised records change past hours.",
  },
  byArea: { title: "Crimes by area", description: "Incidents in the chosen time, by area code." },
  peaking: {
    title: "What is peaking",
    description:
      "Pairs of area and category with more incidents than expected: q at most 0.05, newest tick first. The time is the end of the window. q is the false discovery rate over all pairs and windows of the tick.",
  },
  peaksByWindow: {
    title: "Peaks by window",
    description: "Number of pairs of area and category with q at most 0.05 at each hour, by length of the window.",
  },
  pair: {
    title: "Observed and expected: $category in area $area, $window hours",
    description:
      "The chosen pair, at the hours at which it was among those that a tick lists: the first 25 of each window, and up to 100 with q at most 0.1.",
  },
  newestHour: {
    title: "Newest hour of the data",
    description: "The newest hour that has incidents. Portals publish days late.",
  },
};
