import type { Density } from "../../../api/types";
import { capital, formatCount, plural } from "../../../model/format";
import { formatDensity, gridCentre } from "../../../model/layers/density";
import type { Drawing } from "../../../model/layers/drawing";
import type { LayerTable } from "../CellTable";

interface Row {
  readonly index: number;
  readonly longitude: number;
  readonly latitude: number;
  readonly value: number;
  readonly its: number;
}

export function densityTable(answer: Density, drawing: Drawing, period: string): LayerTable<Row> {
  const { grid, classOf, classes } = drawing;
  const rows =
    grid === null
      ? []
      : grid.values.flatMap((value, index): Row[] => {
          if (value <= 0) return [];
          const [longitude, latitude] = gridCentre(grid, index);
          return [{ index, longitude, latitude, value, its: classOf[index] ?? -1 }];
        });
  return {
    caption: (shown) =>
      `${plural(shown, "grid cell", "grid cells")} of ${formatCount(rows.length)} above zero, each ${formatCount(answer.grid.cell_m)} m wide, bandwidth ${formatCount(answer.bandwidth_m)} m, ${period}`,
    rows,
    keyOf: ({ index }) => String(index),
    initial: { id: "value", descending: true },
    columns: [
      {
        id: "latitude",
        title: "Latitude",
        numeric: true,
        value: ({ latitude }) => latitude,
        show: ({ latitude }) => latitude.toFixed(4),
      },
      {
        id: "longitude",
        title: "Longitude",
        numeric: true,
        value: ({ longitude }) => longitude,
        show: ({ longitude }) => longitude.toFixed(4),
      },
      {
        id: "value",
        title: capital(answer.unit),
        numeric: true,
        value: ({ value }) => value,
        show: ({ value }) => formatDensity(value),
      },
      {
        id: "class",
        title: "Class on the map",
        numeric: true,
        value: ({ its }) => its + 1,
        show: ({ its }) => `${its + 1} of ${classes.length}`,
      },
    ],
  };
}
