/** How Blotter itself is: its sources, the records that wait, and what each role does. From the metrics of all roles. */

import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { dashboard, lines, numbers, rows } from "./panels";
import { PROMETHEUS, ref } from "./sources";

const SOURCE = ref(PROMETHEUS);

function over(expr: string, legend: string, refId = "A"): DataqueryBuilder {
  return new DataqueryBuilder().datasource(SOURCE).refId(refId).expr(expr).legendFormat(legend).range();
}

function now(expr: string, refId = "A"): DataqueryBuilder {
  return new DataqueryBuilder().datasource(SOURCE).refId(refId).expr(expr).instant().format(PromQueryFormat.Table);
}

/** A role and `serve` may both report the same partition: it counts once. */
const LAG = "sum by (role, sink) (max by (role, sink, partition) (blotter_lag_records))";

export const PROMETHEUS_DASHBOARD = dashboard(
  "blotter-operations",
  "Blotter: operations",
  "Source health, the lag of each role behind the log, and the load of the map.",
)
  .time({ from: "now-6h", to: "now" })
  .withPanel(
    numbers(SOURCE, {
      title: "Incidents",
      description: "Current revisions that are not deleted: with and without a place on the map.",
      targets: [over("max by (state) (blotter_incidents)", "{{state}}")],
    }),
  )
  .withPanel(
    numbers(SOURCE, {
      title: "Rejected records",
      description: "Distinct records that were kept aside with a reason. `blotter rejected` lists them.",
      targets: [over("max(blotter_rejected)", "rejected")],
    }),
  )
  .withPanel(
    numbers(SOURCE, {
      title: "Sources that fail",
      description: "Sources that cannot be read now.",
      targets: [over("sum(max by (source) (blotter_source_failing))", "failing")],
    }),
  )
  .withPanel(
    numbers(SOURCE, {
      title: "Roles that are not ready",
      description: "Processes that answer but wait for a part.",
      targets: [over("count(blotter_ready == 0) or vector(0)", "not ready")],
    }),
  )
  .withPanel(
    rows(SOURCE, {
      title: "Source health",
      description: "Seconds since each source last answered, and whether it fails now (1).",
      targets: [
        now("time() - max by (source) (blotter_source_last_success_timestamp_seconds)", "A"),
        now("max by (source) (blotter_source_failing)", "B"),
      ],
    }).withTransformation({ id: "merge", options: {} }),
  )
  .withPanel(
    rows(SOURCE, {
      title: "Source notices",
      description: "What each source lacks or holds back, by kind. `meta.sources` of the API has the sentences.",
      targets: [now("max by (source, kind) (blotter_source_notices)")],
    }),
  )
  .withPanel(
    lines(SOURCE, {
      title: "Pipeline lag",
      description: "Records in the log that each role, or each sink of `detect`, has not processed yet.",
      targets: [over(LAG, "{{role}} {{sink}}")],
    }),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        title: "Records produced",
        description: "Records per second that `produce` appends, by topic.",
        targets: [over("sum by (topic) (rate(blotter_produced_total[$__rate_interval]))", "{{topic}}")],
      },
      { unit: "ops" },
    ),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        title: "Points to sinks",
        description: "Points per second that each sink acknowledges, and failed attempts.",
        targets: [
          over("sum by (sink) (rate(blotter_sink_points_total[$__rate_interval]))", "{{sink}}", "A"),
          over("sum by (sink) (rate(blotter_sink_failures_total[$__rate_interval]))", "{{sink}} failed", "B"),
        ],
      },
      { unit: "ops" },
    ),
  )
  .withPanel(
    lines(SOURCE, {
      title: "Restarts",
      description: "Restarts of a role after a failed part, within an hour.",
      targets: [over("sum by (job, instance) (increase(blotter_restarts_total[1h]))", "{{job}} {{instance}}")],
    }),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        title: "Age of the newest snapshot check",
        description: "Seconds since `snapshot` and `fetch` last succeeded.",
        targets: [over("time() - max by (job) (blotter_last_success_timestamp_seconds)", "{{job}}")],
      },
      { unit: "s" },
    ),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        title: "Time to answer",
        description: "95 % of the map's answers took at most this long.",
        targets: [
          over(
            "histogram_quantile(0.95, sum by (le) (rate(blotter_http_request_seconds_bucket[$__rate_interval])))",
            "95 %",
          ),
        ],
      },
      { unit: "s" },
    ),
  );
