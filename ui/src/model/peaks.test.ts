import { describe, expect, test } from "vitest";
import type { Peak, PeakWindow } from "../api/types";
import { peakRows, peakSentence, percentText, windowName, windowSentence } from "./peaks";
import { standing } from "./unusual";

function peak(area: string, category: string, q: number, change: Partial<Peak> = {}): Peak {
  return {
    area,
    category,
    observed: 5,
    expected: 1,
    ratio: 5,
    percent_more: null,
    dispersion: 1,
    p: q / 100,
    q,
    surge_evidence: null,
    ...change,
  };
}

function ranked(hours: number, ...peaks: readonly Peak[]): PeakWindow {
  return { hours, standing: "ranked", reported_share: 1, tests: 10, peaks };
}

const THEFT_DAY = peak("32", "THEFT", 4.8e-6, { observed: 103, expected: 13.1, percent_more: 686.3 });
const WINDOWS = [
  ranked(1, peak("64", "HOMICIDE", 0.6)),
  ranked(24, THEFT_DAY, peak("26", "ASSAULT", 0.66)),
  ranked(168, peak("32", "THEFT", 2e-11, { observed: 330, expected: 97.7 }), peak("64", "HOMICIDE", 0.5)),
];

describe("the list", () => {
  test("has each area and category once, in its most surprising window", () => {
    const rows = peakRows({ windows: WINDOWS }, null);
    expect(rows.map(({ key, hours }) => [key, hours])).toEqual([
      ["32/THEFT", 168],
      ["64/HOMICIDE", 168],
      ["26/ASSAULT", 24],
    ]);
    expect(rows[0]?.others).toEqual([{ hours: 24, peak: THEFT_DAY }]);
    expect(rows[1]?.others).toEqual([]);
  });
  test("has one window's where that is chosen", () => {
    const rows = peakRows({ windows: WINDOWS }, 24);
    expect(rows.map(({ key, hours }) => [key, hours])).toEqual([
      ["32/THEFT", 24],
      ["26/ASSAULT", 24],
    ]);
  });
  test("is empty where nothing is ranked", () => expect(peakRows({ windows: [] }, null)).toEqual([]));
});

test("a peak in one sentence", () => {
  expect(peakSentence({ hours: 24, peak: THEFT_DAY }, "Loop")).toBe(
    "Theft in Loop: 103 in 24 hours, about 13.1 expected at this hour and season. Far beyond its usual variation (q = 0.0000048).",
  );
  expect(percentText(THEFT_DAY)).toBe("+686 %");
  expect(percentText(peak("1", "ARSON", 0.2))).toBeNull();
});

test.each([
  [0.001, "far beyond its usual variation"],
  [0.0011, "beyond its usual variation"],
  [0.05, "beyond its usual variation"],
  [0.1, "somewhat beyond its usual variation"],
  [0.11, "may be chance"],
  [1, "may be chance"],
])("q = %s is %s", (q, words) => expect(standing(q).words).toBe(words));

test("windows have names, and say why they are not ranked", () => {
  expect([1, 6, 24, 168].map(windowName)).toEqual(["1 hour", "6 hours", "24 hours", "7 days"]);
  expect(windowSentence({ ...ranked(6), standing: "incomplete", reported_share: 0.314 })).toBe(
    "The last 6 hours are incomplete: usually only 31 % of their incidents are known by now.",
  );
  expect(windowSentence({ ...ranked(1), standing: "too_little_history" })).toContain("The last hour:");
  expect(windowSentence(ranked(1))).toBeNull();
});
