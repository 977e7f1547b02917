/** The hexagons to mark for a moment, because something new was counted there. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Cell } from "../api/types";
import { freshCells } from "../model/fresh";
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
  useEffect(() => {
    if (answer?.layer !== "count") {
      before.current = null;
      return;
    }
    const last = before.current;
    before.current = { path, cells: answer.data.cells };
    // Another question is no news.
    if (last?.path === path && last.cells !== answer.data.cells)
      setFresh(freshCells(last.cells, answer.data.cells));
  }, [answer, path]);
  useEffect(() => {
    if (fresh.length === 0) return;
    const timer = setTimeout(() => setFresh(NONE), MARKED_MS);
    return () => clearTimeout(timer);
  }, [fresh]);
  return fresh;
}
