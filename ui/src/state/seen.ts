/** Whether an element is in view: what nobody sees need not follow every step of a filter that is being chosen. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** True until it is known. */
export function useIsSeen(element: RefObject<HTMLElement | null>): boolean {
  const [isSeen, setSeen] = useState(true);
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const observer = new IntersectionObserver((entries) => setSeen(entries.at(-1)?.isIntersecting ?? true));
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return isSeen;
}
