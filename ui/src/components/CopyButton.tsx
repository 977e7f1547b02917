/** Copies a text, and says that it did. */
import { useEffect, useState } from "preact/hooks";

interface Props {
  readonly text: () => string;
  readonly label: string;
  readonly testId?: string;
}

type State = "idle" | "done" | "failed";

const WORDS: Readonly<Record<State, string>> = { idle: "", done: "✓ Copied", failed: "Not allowed here" };
const SHOWN_MS = 3000;

export function CopyButton({ text, label, testId }: Props) {
  const [state, setState] = useState<State>("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setState("done");
    } catch {
      // Without a secure connection, browsers offer no clipboard.
      setState("failed");
    }
  };
  return (
    <button type="button" class="quiet" data-testid={testId} onClick={() => void copy()}>
      <span aria-live="polite">{state === "idle" ? label : WORDS[state]}</span>
    </button>
  );
}
