/** What the map shows: asked once, and drawn by map, legend, tooltip and table alike. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo } from "preact/hooks";
import type { ApiError } from "../api/client";
import { filterParams, type Filter } from "../model/filter";
import { formatPeriod } from "../model/format";
import {
  changeParams,
  changePeriod,
  closed,
  draw,
  offered,
  peaksParams,
  resourceOf,
  type LayerAnswer,
  type Offered,
} from "../model/layers";
import type { TallyOf } from "../model/increments/tally";
import type { Drawing } from "../model/layers/drawing";
import { useAreas } from "./areas";
import { provided, useProvided } from "./context";
import { flights } from "./flights";
import { useFrame } from "./frame";
import { useFollowing } from "./following";
import { useMeta } from "./live";
import { apiPath, useMapAsking } from "./period";
import { useCellsTally } from "./tallies";
import { useMapFilter, useView } from "./view";

export interface Drawn {
  /** null before the first answer. */
  readonly drawing: Drawing | null;
  /** What was drawn, with the figures that the table shows. */
  readonly answer: LayerAnswer | null;
  /** Of what is drawn, which for a moment may be the answer before the present question. */
  readonly period: string;
  /** The address of the answer. */
  readonly path: string | null;
  readonly error: ApiError | null;
  /** Nothing is asked, because the period ends before it begins. */
  readonly isEmptyPeriod: boolean;
}

interface Asked {
  readonly layer: Offered;
  readonly period: string;
  /** What was asked, but for the resolution: a moved map is no new question. */
  readonly question: string;
}

/** The other views' answers, asked for once the map has its own, are a frame away; a map does not wait for two more. */
const TOGETHER_MS = 32;

interface Waiting {
  /** A newer question than the one that is drawn has not been answered yet. */
  readonly isOutdated: boolean;
}

const DrawnContext = provided<Drawn>();

/** Apart: with each question it changes twice, and only the map's frame says so. */
const WaitingContext = provided<Waiting>();

export function useDrawn(): Drawn {
  return useProvided(DrawnContext, "the map's drawing");
}

export function useIsOutdated(): boolean {
  return useProvided(WaitingContext, "whether the map's drawing is outdated").isOutdated;
}

export function DrawnProvider({ children }: { readonly children: ComponentChildren }) {
  const { view, follow } = useView();
  const { window } = view;
  const { outliers } = useMeta();
  const { resolution, show } = useFrame();
  const { layer: areas } = useAreas();
  const { filter, query, extent } = useMapAsking();
  const layer = areas === null && view.layer === "peaks" ? "count" : offered(view.layer);

  const cellsTally = useCellsTally(filter);
  const own = queryOf();
  const asked: Asked = {
    layer,
    period: formatPeriod(
      layer === "change" ? changePeriod(filter, extent) : filter,
      extent.earliest,
      extent.latest,
    ),
    question: `${layer} ${own ?? ""}`,
  };
  const path = resolution === null ? null : apiPath(resourceOf(layer, resolution), own);
  const {
    data,
    context,
    path: answered,
    loading,
    error,
  } = useFollowing<unknown, Asked>(
    path,
    layer === "count" ? (cellsTally as TallyOf<unknown> | null) : null,
    asked,
  );

  const answer = useMemo((): LayerAnswer | null => {
    if (data === null || context === null) return null;
    // Which layer an answer is of is known from its question.
    return { layer: context.layer, data, areas, window } as unknown as LayerAnswer;
  }, [data, context, areas, window]);
  const isEmptyPeriod = query === null && layer !== "peaks";
  // What answers another question than the one that was refused would be read as its answer.
  const isRefused =
    error !== null && error.kind !== "unreachable" && context !== null && context.question !== asked.question;
  const isNothing = isEmptyPeriod || isRefused;
  const drawing = useMemo(() => (answer === null || isNothing ? null : draw(answer)), [answer, isNothing]);
  const isBeingChosen = useMapFilter() !== view.filter;
  // Before whoever else shows the drawing: this provider's effects run before its consumers are rendered.
  useLayoutEffect(
    () => show.current?.(drawing, isBeingChosen ? flights.landed(TOGETHER_MS) : undefined),
    // That the filter is not being chosen any more is nothing to draw.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [show, drawing],
  );
  useLayoutEffect(() => {
    if (!loading) follow();
  }, [loading, filter, follow]);

  const period = context?.period ?? asked.period;
  const drawn = useMemo(
    (): Drawn => ({ drawing, answer, period, path: answered, error, isEmptyPeriod }),
    [drawing, answer, period, answered, error, isEmptyPeriod],
  );
  const isOutdated = loading && context !== null && context.question !== asked.question;
  const waiting = useMemo(() => ({ isOutdated }), [isOutdated]);
  return (
    <DrawnContext.Provider value={drawn}>
      <WaitingContext.Provider value={waiting}>{children}</WaitingContext.Provider>
    </DrawnContext.Provider>
  );

  function queryOf(): string | null {
    if (layer === "peaks") return areas === null ? null : peaksParams(view, areas.name);
    if (query === null) return null;
    if (layer === "change") return changeParams(changePeriod(filter, extent), view.compared);
    return layer === "density" ? filterParams(ends(filter)).toString() : query;
  }

  function ends(open: Filter): Filter {
    return closed(open, extent, outliers.early !== null || outliers.late !== null);
  }
}
