/** Writes the provisioning files and dashboards; with `--check` it compares them with what is there. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "yaml";
import { INFLUXDB_DASHBOARD } from "./influxdb";
import { KAIROSDB_DASHBOARD } from "./kairosdb";
import { PROMETHEUS_DASHBOARD } from "./prometheus";
import { SOURCES } from "./sources";

const HEADER = "# Made by `npm run build` in deploy/grafana; a test compares it.\n";
/** Where the container has the folder `dashboards`. */
const DASHBOARDS = "/etc/grafana/blotter/dashboards";

function files(): Map<string, string> {
  const made = new Map<string, string>();
  for (const [name, source] of Object.entries(SOURCES)) {
    made.set(`provisioning/datasources/${name}.yaml`, HEADER + stringify({ apiVersion: 1, datasources: [source] }));
  }
  const provider = { name: "blotter", folder: "Blotter", type: "file", options: { path: DASHBOARDS } };
  made.set("provisioning/dashboards/blotter.yaml", HEADER + stringify({ apiVersion: 1, providers: [provider] }));
  const dashboards = {
    "crimes-influxdb": INFLUXDB_DASHBOARD,
    "crimes-kairosdb": KAIROSDB_DASHBOARD,
    operations: PROMETHEUS_DASHBOARD,
  };
  for (const [name, dashboard] of Object.entries(dashboards)) {
    made.set(`dashboards/${name}.json`, `${JSON.stringify(dashboard.build(), null, 2)}\n`);
  }
  return made;
}

const drifted: string[] = [];
for (const [name, text] of files()) {
  const path = join(__dirname, "..", "..", name);
  if (process.argv.includes("--check")) {
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) drifted.push(name);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
if (drifted.length > 0) {
  console.error(`differ from the code: ${drifted.join(", ")}. Run \`npm run build\` in deploy/grafana.`);
  process.exitCode = 1;
}
