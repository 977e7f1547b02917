/** The data sources, with ids that the dashboards refer to. Credentials come from Grafana's own environment. */

import type { DataSourceRef } from "@grafana/grafana-foundation-sdk/common";

/** A data source as a provisioning file has it. */
export interface Provisioned {
  name: string;
  uid: string;
  type: string;
  access: "proxy";
  url: string;
  user?: string;
  basicAuth?: boolean;
  basicAuthUser?: string;
  jsonData?: Record<string, string | number>;
  secureJsonData?: Record<string, string>;
}

/** InfluxDB, asked with InfluxQL: version 1, or 2 and 3 by their API of version 1. */
export const INFLUXDB: Provisioned = {
  name: "Blotter InfluxDB",
  uid: "blotter-influxdb",
  type: "influxdb",
  access: "proxy",
  url: "http://influxdb:8086",
  user: "$INFLUXDB_USERNAME",
  jsonData: { dbName: "crimes", httpMode: "POST", timeInterval: "1h" },
  secureJsonData: { password: "$INFLUXDB_PASSWORD" },
};

/** KairosDB, by a plugin of the community. */
export const KAIROSDB: Provisioned = {
  name: "Blotter KairosDB",
  uid: "blotter-kairosdb",
  type: "arpnetworking-kairosdb-datasource",
  access: "proxy",
  url: "http://kairosdb:8080",
};

export const PROMETHEUS: Provisioned = {
  name: "Blotter Prometheus",
  uid: "blotter-prometheus",
  type: "prometheus",
  access: "proxy",
  url: "http://prometheus:9090",
  jsonData: { httpMethod: "POST", timeInterval: "15s" },
};

export const SOURCES = { influxdb: INFLUXDB, kairosdb: KAIROSDB, prometheus: PROMETHEUS };

/** How a panel refers to it. */
export function ref({ type, uid }: Provisioned): DataSourceRef {
  return { type, uid };
}
