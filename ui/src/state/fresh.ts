/** The hexagons to mark for a moment, because something new was counted there. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Cell } from "../api/types";
import { freshCells, marked } from "../model/fresh";
import type { MovedCells } from "../model/increments/cells";
import { useDrawn } from "./drawn";

const MARKED_MS = 2500;
const NONE: readonly string[] = [];

interface Before {
  readonly path: string | null;
  readonly cells: readonly Cell[];
}

export function useFreshCells(): readonly string[] {
  const { answer, path } = useDrawn();
  const [fresh, setFresh] = useState(NONE);
  const before = useRef<Before | null>(null);
  /** When each cell has risen; in a flood those that rose last. */
  const risenAt = useRef(new Map<string, number>());
  // Before the map draws the answer: both are one frame.
  useLayoutEffect(() => {
    if (answer?.layer !== "count") {
      before.current = null;
      return;
    }
    const { cells, risen }: MovedCells = answer.data;
    const last = before.current;
    before.current = { path, cells };
    // Another question is no news.
    if (last?.path !== path) {
      risenAt.current.clear();
      setFresh(NONE);
      return;
    }
    if (last.cells === cells) return;
    const now = Date.now();
    for (const cell of risen ?? freshCells(last.cells, cells)) {
      // Again: it is the last of all.
      risenAt.current.delete(cell);
      risenAt.current.set(cell, now);
    }
    setFresh(marked(risenAt.current, now - MARKED_MS));
  }, [answer, path]);
  useEffect(() => {
    if (fresh.length === 0) return;
    const timer = setTimeout(() => setFresh(marked(risenAt.current, Date.now() - MARKED_MS)), MARKED_MS);
    return () => clearTimeout(timer);
  }, [fresh]);
  return fresh;
}
