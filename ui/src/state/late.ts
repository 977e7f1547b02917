/** What holds for so short a time that nobody could read it need not be shown. */
import { useEffect, useState } from "preact/hooks";

/** True once `holds` has been true for this long; false at once when it is not. */
export function useLate(holds: boolean, after_ms: number): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!holds) return;
    const timer = setTimeout(() => setLate(true), after_ms);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [holds, after_ms]);
  return holds && isLate;
}
