/** The linked views: one filter, and everything below is drawn from it. */
import type { ComponentChildren } from "preact";
import { useCallback, useMemo, useRef } from "preact/hooks";
import type { AreaLayer, Boundaries, Cell, Cells, Meta, Series } from "../api/types";
import { areaShapes, outlinesOf, type AreaShape } from "../model/areas";
import { classify } from "../model/classes";
import {
  filterParams,
  isUnfiltered,
  parseFilter,
  toggleArea,
  toggleCategory,
  type Filter,
} from "../model/filter";
import { formatCount, formatPeriod, plural, titleCase } from "../model/format";
import type { LiveState } from "../model/live";
import { boundsOfCamera, fitCamera } from "../model/projection";
import type { Theme } from "../model/ramp";
import { resolutionForZoom } from "../model/resolution";
import type { Camera } from "../model/view";
import { useVisibleChanges } from "../state/live";
import { useQuery, type Answer } from "../state/query";
import { useSize } from "../state/size";
import { useView } from "../state/view";
import { Announcer } from "./badge/Announcer";
import { FilterBar } from "./filters/FilterBar";
import { MapPanel } from "./map/MapPanel";
import { RankedList } from "./RankedList";
import { SeriesPanel } from "./series/SeriesPanel";
import { Summary } from "./Summary";
import { TablePanel } from "./tables/TablePanel";

interface Props {
  /** What stands above, on the first screen with map, list and chart. */
  readonly head: ComponentChildren;
  readonly live: LiveState;
  readonly meta: Meta;
  readonly theme: Theme;
}

/** The extent of the data when it was asked for. */
interface Known {
  readonly earliest: string | null;
  readonly latest: string | null;
}

const MAP_MARGIN_PX = 14;
const NO_CELLS: readonly Cell[] = [];
const NO_SHAPES: readonly AreaShape[] = [];

export function Dashboard({ head, live, meta, theme }: Props) {
  const { view, setFilter, look } = useView();
  const { filter } = view;
  const revision = useVisibleChanges(live.changes);
  const query = filterParams(filter).toString();
  const layer = meta.layers.find(({ primary }) => primary) ?? meta.layers[0] ?? null;

  const frame = useRef<HTMLDivElement>(null);
  const size = useSize(frame);
  const camera =
    view.camera ??
    (size === null ? null : fitCamera(meta.profile.bounding_box, size.width, size.height, MAP_MARGIN_PX));
  const wanted =
    view.resolution ?? (camera === null ? null : resolutionForZoom(camera.zoom, camera.latitude));

  const cells = useQuery<Cells, Known>(
    wanted === null ? null : path(`cells?resolution=${wanted}`, query),
    revision,
    { earliest: meta.earliest, latest: meta.data_as_of },
  );
  const published = useQuery<Boundaries>(
    layer?.boundaries === true ? `/api/v1/boundaries/${encodeURIComponent(layer.name)}` : null,
    0,
  ).data;
  const boundaries = useMemo(() => (published === null ? null : outlinesOf(published)), [published]);
  const shapes = useMemo(() => (boundaries === null ? NO_SHAPES : areaShapes(boundaries)), [boundaries]);
  const classes = useMemo(() => classify(cells.data?.cells ?? NO_CELLS), [cells.data]);
  const chosenAreas = useMemo(
    () => filter.areas.filter((area) => area.layer === layer?.name).map(({ code }) => code),
    [filter.areas, layer?.name],
  );

  const dimension = rankDimension(view.rank, layer);
  const ranking = useQuery<Series>(
    path(`series?by=${encodeURIComponent(dimension)}&bucket=year`, rankParams(filter, dimension, layer)),
    revision,
  );

  const total = cells.data === null ? null : cells.data.mapped + cells.data.unmapped;
  // The legend speaks of what is drawn, which for a moment may be the answer before the present filter.
  const drawn = cells.path === null ? filter : parseFilter(new URLSearchParams(cells.path.split("?")[1]));
  const period = formatPeriod(drawn, cells.context?.earliest ?? null, cells.context?.latest ?? null);
  const outdated = cells.loading && cells.path !== null && !isAnswerTo(cells, query);

  const toggleAreaCode = (code: string) => {
    if (layer !== null) setFilter(toggleArea(filter, { layer: layer.name, code }));
  };
  const onCamera = useCallback(
    (moved: Camera, byReader: boolean) => {
      if (byReader) look({ camera: moved });
    },
    [look],
  );
  const nameOf = useCallback(
    (by: string, key: string) => {
      if (by === "category") return titleCase(key);
      if (key === "") return "No area recorded";
      const named = meta.layers.find(({ name }) => name === by);
      const name = named?.areas.find(({ code }) => code === key)?.name;
      return name !== undefined && name !== key ? name : `${named?.title ?? by} ${key}`;
    },
    [meta.layers],
  );

  return (
    <>
      <div class="first-screen">
        {head}
        <section class="controls" aria-label="Total and filters">
          <Summary meta={meta} total={total} filtered={!isUnfiltered(filter)} loading={outdated} />
          <FilterBar
            filter={filter}
            categories={meta.categories}
            layer={layer}
            layers={meta.layers}
            dataAsOf={meta.data_as_of}
            onFilter={setFilter}
            onThisView={() => {
              if (camera === null || size === null) return;
              setFilter({ ...filter, bbox: boundsOfCamera(camera, size.width, size.height) });
            }}
          />
        </section>
        <main class="views">
          <MapPanel
            frame={frame}
            label={`Map of ${meta.profile.name}: arrow keys move, plus and minus zoom, Enter filters by area`}
            camera={camera}
            theme={theme}
            resolution={cells.data?.resolution ?? wanted ?? 8}
            cells={cells.data?.cells ?? NO_CELLS}
            classes={classes}
            boundaries={boundaries}
            shapes={shapes}
            selected={chosenAreas}
            onCamera={onCamera}
            onPickArea={toggleAreaCode}
            hasCells={cells.data !== null}
            loading={outdated || cells.data === null}
            period={period}
            matching={total ?? 0}
            unmapped={cells.data?.unmapped ?? 0}
            chosenResolution={view.resolution}
            onChooseResolution={(resolution) => look({ resolution })}
            onWholeCity={() => look({ camera: null })}
            notice={mapNotice(meta, cells)}
          />
          <RankedList
            answer={ranking}
            dimensions={[
              ...(layer === null ? [] : [{ value: layer.name, label: "By area" }]),
              { value: "category", label: "By category" },
            ]}
            dimension={dimension}
            chosen={dimension === "category" ? filter.categories : chosenAreas}
            nameOf={(key) => nameOf(dimension, key)}
            onDimension={(rank) => look({ rank })}
            onToggle={(key) =>
              dimension === "category" ? setFilter(toggleCategory(filter, key)) : toggleAreaCode(key)
            }
          />
          <SeriesPanel
            filter={filter}
            meta={meta}
            revision={revision}
            by={view.by}
            chosenBucket={view.bucket}
            isLive={live.connection === "live"}
            nameOf={nameOf}
            onFilter={setFilter}
            onBy={(by) => look({ by })}
            onBucket={(bucket) => look({ bucket })}
          />
          <Announcer
            question={query}
            sentence={
              total === null ? "" : `${plural(total, "incident matches", "incidents match")}, ${period}.`
            }
          />
        </main>
      </div>
      <TablePanel
        query={query}
        revision={revision}
        layer={layer}
        shapes={shapes}
        cells={cells.data}
        classes={classes}
        period={period}
        chosenAreas={chosenAreas}
        onToggleArea={toggleAreaCode}
      />
    </>
  );
}

function path(resource: string, query: string): string {
  return `/api/v1/${resource}${query === "" ? "" : `&${query}`}`;
}

function isAnswerTo(answer: Answer<Cells>, query: string): boolean {
  const params = new URLSearchParams(answer.path?.split("?")[1]);
  return filterParams(parseFilter(params)).toString() === query;
}

function rankDimension(chosen: string | null, layer: AreaLayer | null): string {
  return layer === null || chosen === "category" ? "category" : layer.name;
}

/**
 * A list to choose from ignores what is chosen in it: with one area picked, the others keep their figures and can be
 * picked, too.
 */
function rankParams(filter: Filter, dimension: string, layer: AreaLayer | null): string {
  const others: Filter =
    dimension === "category"
      ? { ...filter, categories: [] }
      : { ...filter, areas: filter.areas.filter((area) => area.layer !== layer?.name) };
  return filterParams(others).toString();
}

function mapNotice(meta: Meta, { data, error }: Answer<Cells>): string | null {
  if (error !== null && error.kind !== "unreachable") {
    const which = error.parameter === null ? "" : ` (${error.parameter})`;
    return `The server could not answer${which}: ${error.message}.`;
  }
  if (meta.incidents.total === 0) {
    if (meta.caught_up) return "The source holds no incidents.";
    const rejected =
      meta.rejected === 0 ? "" : ` ${plural(meta.rejected, "record", "records")} rejected so far.`;
    return `No incidents yet: waiting for the source.${rejected}`;
  }
  if (data === null) return null;
  if (data.mapped + data.unmapped === 0) return "No incident matches these filters.";
  if (data.mapped === 0) return `None of the ${formatCount(data.unmapped)} matches has a usable location.`;
  return null;
}
