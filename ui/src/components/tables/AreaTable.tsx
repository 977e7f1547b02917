/** The map's areas as a table: every area of the layer, those without an incident included. */
import type { RefObject } from "preact";
import type { AreaLayer, Series } from "../../api/types";
import type { AreaShape } from "../../model/areas";
import { formatCount, formatPeriod, formatShare } from "../../model/format";
import { rank } from "../../model/rank";
import { useAsked } from "../../state/asked";
import { useAreas, useChosenAreas } from "../../state/areas";
import { useCalm } from "../../state/calm";
import { useFollowing } from "../../state/following";
import { apiPath, useAsking } from "../../state/period";
import { useSeriesTally } from "../../state/tallies";
import { SortableTable, type Column } from "./SortableTable";

interface Props {
  readonly layer: AreaLayer;
  /** What must not move while it is read. */
  readonly element: RefObject<HTMLElement | null>;
}

interface Row {
  readonly code: string;
  readonly name: string;
  readonly total: number;
  readonly share: number;
  readonly per_km2: number | null;
}

export function AreaTable({ layer, element }: Props) {
  const { shapes } = useAreas();
  const { chosen, toggle: onToggle } = useChosenAreas();
  const { filter, query, extent } = useAsking();
  const period = formatPeriod(filter, extent.earliest, extent.latest);
  const path = apiPath(`series?by=${encodeURIComponent(layer.name)}&bucket=year`, query);
  const newest = useFollowing<Series>(path, useSeriesTally(filter, layer.name, "year"));
  const series = useCalm(element, newest.data, newest.path);
  useAsked("Table of areas", path);
  if (series === null) return <p class="empty">Loading…</p>;
  const rows = areaRows(layer, series, shapes);
  const whole = rows.reduce((sum, row) => sum + row.total, 0);
  const columns: Column<Row>[] = [
    { id: "code", title: "Code", value: ({ code }) => code },
    {
      id: "name",
      title: layer.title,
      value: ({ name }) => name,
      show: ({ code, name }) =>
        code === "" ? (
          name
        ) : (
          <button
            type="button"
            class="link"
            aria-pressed={chosen.includes(code)}
            onClick={() => onToggle(code)}
          >
            {name}
          </button>
        ),
    },
    {
      id: "total",
      title: "Incidents",
      numeric: true,
      value: ({ total }) => total,
      show: ({ total }) => formatCount(total),
    },
    {
      id: "share",
      title: "Share",
      numeric: true,
      value: ({ share }) => share,
      show: ({ total }) => formatShare(total, whole),
    },
  ];
  if (shapes.length > 0) {
    columns.push({
      id: "per_km2",
      title: "Per km²",
      numeric: true,
      value: ({ per_km2 }) => per_km2,
      show: ({ per_km2 }) => (per_km2 === null ? "–" : per_km2.toFixed(1)),
    });
  }
  return (
    <SortableTable
      caption={`Incidents by ${layer.title.toLowerCase()}, ${period}`}
      columns={columns}
      rows={rows}
      keyOf={({ code }) => code}
      initial={{ id: "total", descending: true }}
      isChosen={({ code }) => chosen.includes(code)}
    />
  );
}

function areaRows(layer: AreaLayer, series: Series, shapes: readonly AreaShape[]): Row[] {
  const ranked = new Map(rank(series).map((row) => [row.key, row]));
  const names = new Map(layer.areas.map(({ code, name }) => [code, name]));
  const codes = new Set([...names.keys(), ...ranked.keys()]);
  return [...codes].map((code) => {
    const total = ranked.get(code)?.total ?? 0;
    const area_km2 = shapes.find((shape) => shape.code === code)?.area_km2;
    return {
      code,
      name: names.get(code) ?? (code === "" ? "No area recorded" : code),
      total,
      share: ranked.get(code)?.share ?? 0,
      per_km2: area_km2 === undefined ? null : total / area_km2,
    };
  });
}
