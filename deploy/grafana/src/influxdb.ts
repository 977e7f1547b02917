/** A city's crime from InfluxDB: what `detect --sink influxdb://…` writes, asked with InfluxQL. */

import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import type { DataSourceRef } from "@grafana/grafana-foundation-sdk/common";
import {
  CustomVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboard, lines, rows } from "./panels";
import { INFLUXDB, ref } from "./sources";
import { EVERY_PEAK, MOST_Q, TEXTS, WINDOWS } from "./texts";

const SOURCE = ref(INFLUXDB);

/** A question in InfluxQL. */
interface InfluxQuery extends Dataquery {
  refId: string;
  datasource: DataSourceRef;
  query: string;
  rawQuery: true;
  resultFormat: "time_series" | "table";
  alias?: string;
}

function influx(query: string, shown: { alias?: string; table?: boolean } = {}): Builder<Dataquery> {
  const built: InfluxQuery = {
    _implementsDataqueryVariant: () => {},
    refId: "A",
    datasource: SOURCE,
    query,
    rawQuery: true,
    resultFormat: shown.table ? "table" : "time_series",
    ...(shown.alias ? { alias: shown.alias } : {}),
  };
  return { build: () => built };
}

function values(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(SOURCE)
    .query({ query, refId: "variable" })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NumericalAsc);
}

const CITY = `"city" = '$city'`;
const PAIR = `"area" = '$area' AND "category" = '$category' AND "window" = '$window'`;

export const INFLUXDB_DASHBOARD = dashboard("blotter-crimes-influxdb", "Blotter: crimes (InfluxDB)", TEXTS.dashboard)
  .time({ from: "now-30d", to: "now" })
  .withVariable(values("city", "City", `SHOW TAG VALUES FROM "crimes" WITH KEY = "city"`))
  .withVariable(values("area", "Area", `SHOW TAG VALUES FROM "peaks" WITH KEY = "area" WHERE ${CITY}`))
  .withVariable(values("category", "Category", `SHOW TAG VALUES FROM "peaks" WITH KEY = "category" WHERE ${CITY}`))
  .withVariable(new CustomVariableBuilder("window").label("Window (hours)").values(WINDOWS))
  .withPanel(
    lines(
      SOURCE,
      {
        ...TEXTS.byType,
        width: 24,
        targets: [
          influx(
            `SELECT sum("count") FROM "crimes" WHERE ${CITY} AND $timeFilter GROUP BY time($__interval), "category" fill(null)`,
            { alias: "$tag_category" },
          ),
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
          influx(`SELECT sum("count") AS "incidents" FROM "crimes" WHERE ${CITY} AND $timeFilter GROUP BY "area"`, {
            table: true,
          }),
        ],
      },
      "incidents",
    ),
  )
  .withPanel(
    rows(SOURCE, {
      ...TEXTS.peaking,
      width: 16,
      targets: [
        influx(
          `SELECT "area", "category", "window", "observed", "expected", "q" FROM "peaks" WHERE ${CITY} AND "q" <= ${MOST_Q} AND $timeFilter ORDER BY time DESC LIMIT 200`,
          { table: true },
        ),
      ],
    }),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        ...TEXTS.peaksByWindow,
        width: 8,
        targets: [
          influx(
            `SELECT count("q") FROM "peaks" WHERE ${CITY} AND "q" <= ${MOST_Q} AND $timeFilter GROUP BY time(${EVERY_PEAK}), "window" fill(none)`,
            { alias: "$tag_window hours" },
          ),
        ],
      },
      { bars: true },
    ),
  )
  .withPanel(
    lines(
      SOURCE,
      {
        ...TEXTS.pair,
        width: 12,
        targets: [
          influx(
            `SELECT mean("observed") AS "observed", mean("expected") AS "expected" FROM "peaks" WHERE ${CITY} AND ${PAIR} AND $timeFilter GROUP BY time($__interval) fill(null)`,
            { alias: "$col" },
          ),
        ],
      },
      { interval: "1h" },
    ),
  )
  .withPanel(
    rows(SOURCE, {
      ...TEXTS.newestHour,
      width: 4,
      targets: [influx(`SELECT last("count") AS "incidents" FROM "crimes" WHERE ${CITY} AND "count" > 0`, { table: true })],
    }),
  );
