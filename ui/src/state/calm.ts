/** While somebody points at a list or moves in it by keyboard, it stays as it is: what is being read must not jump. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useRevision } from "./live";

/** The revision to ask at, held while `element` is being read. */
export function useCalmRevision(element: RefObject<HTMLElement | null>): number {
  const revision = useRevision();
  const held = useRef(revision);
  const isRead = useIsRead(element);
  if (!isRead) held.current = revision;
  return held.current;
}

/** A value, held while `element` is being read; another `question` is the reader's own and holds nothing back. */
export function useCalm<T>(element: RefObject<HTMLElement | null>, value: T, question: string | null): T {
  const held = useRef({ value, question });
  const isRead = useIsRead(element);
  if (!isRead || held.current.question !== question) held.current = { value, question };
  return held.current.value;
}

function useIsRead(element: RefObject<HTMLElement | null>): boolean {
  const [isPointed, setPointed] = useState(false);
  const [isFocused, setFocused] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const listening = new AbortController();
    const { signal } = listening;
    // A finger that scrolls leaves no pointer behind; a mouse that rests does.
    target.addEventListener("pointerenter", ({ pointerType }) => setPointed(pointerType === "mouse"), {
      signal,
    });
    target.addEventListener("pointerleave", () => setPointed(false), { signal });
    target.addEventListener("focusin", ({ target: on }) => setFocused(isByKeyboard(on)), { signal });
    target.addEventListener("focusout", () => setFocused(false), { signal });
    return () => listening.abort();
  }, [element]);
  return isPointed || isFocused;
}

function isByKeyboard(on: EventTarget | null): boolean {
  return on instanceof HTMLElement && on.matches(":focus-visible");
}
