/** What all dashboards have in common: panels with one size and one style. */

import * as common from "@grafana/grafana-foundation-sdk/common";
import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import { DashboardBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

/** One panel: what it shows, and the questions that it asks. */
export interface Content {
  title: string;
  /** What a reader must know to read it. */
  description: string;
  targets: Builder<Dataquery>[];
  /** Of 24 columns. */
  width?: number;
  height?: number;
}

const HEIGHT = 9;

/** A dashboard of Blotter for one data source. */
export function dashboard(uid: string, title: string, description: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(["blotter"])
    .timezone("browser")
    .refresh("1m")
    .readonly();
}

/** Lines over time; `stacked` where their sum means something. */
export function lines(
  source: common.DataSourceRef,
  content: Content,
  style: { stacked?: boolean; bars?: boolean; unit?: string; interval?: string } = {},
): timeseries.PanelBuilder {
  const panel = new timeseries.PanelBuilder()
    .datasource(source)
    .title(content.title)
    .description(content.description)
    .targets(content.targets)
    .span(content.width ?? 12)
    .height(content.height ?? HEIGHT)
    .unit(style.unit ?? "short")
    .min(0)
    .drawStyle(style.bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .fillOpacity(style.stacked || style.bars ? 60 : 0)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
  if (style.stacked) {
    panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  }
  return style.interval ? panel.interval(style.interval) : panel;
}

/** Rows, sorted by a column: the greatest first. */
export function rows(source: common.DataSourceRef, content: Content, sortBy?: string): table.PanelBuilder {
  const panel = new table.PanelBuilder()
    .datasource(source)
    .title(content.title)
    .description(content.description)
    .targets(content.targets)
    .span(content.width ?? 12)
    .height(content.height ?? HEIGHT);
  return sortBy
    ? panel.sortBy([new common.TableSortByFieldStateBuilder().displayName(sortBy).desc(true)])
    : panel;
}

/** Numbers of now. */
export function numbers(source: common.DataSourceRef, content: Content, unit = "short"): stat.PanelBuilder {
  return new stat.PanelBuilder()
    .datasource(source)
    .title(content.title)
    .description(content.description)
    .targets(content.targets)
    .span(content.width ?? 6)
    .height(content.height ?? 5)
    .unit(unit)
    .colorMode(common.BigValueColorMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
}
