/** A city's crime from KairosDB: what `detect --sink kairosdb://…` writes. Targets are those of the plugin
 * `arpnetworking-kairosdb-datasource`. */

import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import type { DataSourceRef } from "@grafana/grafana-foundation-sdk/common";
import { CustomVariableBuilder, TextBoxVariableBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboard, lines, rows } from "./panels";
import { KAIROSDB, ref } from "./sources";
import { MOST_Q, TEXTS, WINDOWS } from "./texts";

const SOURCE = ref(KAIROSDB);

interface Aggregator {
  name: string;
  parameters: { name: string; type: string; value: string | number | boolean }[];
  /** Where enabled, the panel's interval replaces the sampling. */
  autoValueSwitch?: { enabled: boolean; dependentParameters: string[] };
}

/** A question as the plugin keeps it in a panel. */
interface KairosQuery extends Dataquery {
  refId: string;
  datasource: DataSourceRef;
  query: {
    metricName: string;
    alias: string;
    tags: Record<string, string[]>;
    groupBy: { tags: string[] };
    aggregators: Aggregator[];
  };
}

function kairos(refId: string, query: KairosQuery["query"]): Builder<Dataquery> {
  const built: KairosQuery = { _implementsDataqueryVariant: () => {}, refId, datasource: SOURCE, query };
  return { build: () => built };
}

/** Sums by the panel's interval, or by a fixed number of hours. */
function sums(hours: number, isAuto: boolean): Aggregator {
  return {
    name: "sum",
    parameters: [
      { name: "value", type: "sampling", value: hours },
      { name: "unit", type: "sampling_unit", value: "HOURS" },
      { name: "align_sampling", type: "alignment", value: true },
    ],
    autoValueSwitch: { enabled: isAuto, dependentParameters: ["sampling", "sampling_unit"] },
  };
}

/** Leaves out what is greater. */
const ONLY_PEAKS: Aggregator = {
  name: "filter",
  parameters: [
    { name: "filter_op", type: "enum", value: "gt" },
    { name: "threshold", type: "any", value: MOST_Q },
  ],
};

const COUNT: Aggregator = {
  name: "count",
  parameters: [
    { name: "value", type: "sampling", value: 1 },
    { name: "unit", type: "sampling_unit", value: "HOURS" },
    { name: "align_sampling", type: "alignment", value: true },
  ],
};

const CITY = { city: ["$city"] };
const PAIR = { ...CITY, area: ["$area"], category: ["$category"], window: ["$window"] };

export const KAIROSDB_DASHBOARD = dashboard("blotter-crimes-kairosdb", "Blotter: crimes (KairosDB)", TEXTS.dashboard)
  .time({ from: "now-30d", to: "now" })
  .withVariable(new TextBoxVariableBuilder("city").label("City").defaultValue("chicago"))
  .withVariable(new TextBoxVariableBuilder("area").label("Area").defaultValue("32"))
  .withVariable(new TextBoxVariableBuilder("category").label("Category").defaultValue("THEFT"))
  .withVariable(new CustomVariableBuilder("window").label("Window (hours)").values(WINDOWS))
  .withPanel(
    lines(
      SOURCE,
      {
        ...TEXTS.byType,
        width: 24,
        targets: [
          kairos("A", {
            metricName: "crimes",
            alias: "$_tag_group_category",
            tags: CITY,
            groupBy: { tags: ["category"] },
            aggregators: [sums(1, true)],
          }),
        ],
      },
      { stacked: true, bars: true, interval: "1h" },
    ),
  )
  .withPanel(
    rows(
      SOURCE,
      {
        ...TEXTS.byArea,
        width: 8,
        targets: [
          kairos("A", {
            metricName: "crimes",
            alias: "$_tag_group_area",
            tags: CITY,
            groupBy: { tags: ["area"] },
            aggregators: [sums(24, false)],
          }),
        ],
      },
      "Total",
    ).withTransformation({ id: "reduce", options: { reducers: ["sum"] } }),
  )
  .withPanel(
    rows(
      SOURCE,
      {
        ...TEXTS.peaking,
        width: 16,
        targets: [
          kairos("A", {
            metricName: "peaks.q",
            alias: "$_tag_group_category, area $_tag_group_area, $_tag_group_window hours",
            tags: CITY,
            groupBy: { tags: ["area", "category", "window"] },
            aggregators: [ONLY_PEAKS],
          }),
        ],
      },
      "Time",
    ).withTransformation({ id: "seriesToRows", options: {} }),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        ...TEXTS.peaksByWindow,
        width: 12,
        targets: [
          kairos("A", {
            metricName: "peaks.q",
            alias: "$_tag_group_window hours",
            tags: CITY,
            groupBy: { tags: ["window"] },
            aggregators: [ONLY_PEAKS, COUNT],
          }),
        ],
      },
      { bars: true },
    ),
  )
  .withPanel(
    lines(SOURCE, {
      ...TEXTS.pair,
      width: 12,
      targets: ["observed", "expected"].map((name, index) =>
        kairos("AB".charAt(index), {
          metricName: `peaks.${name}`,
          alias: name,
          tags: PAIR,
          groupBy: { tags: [] },
          aggregators: [],
        }),
      ),
    }),
  );
