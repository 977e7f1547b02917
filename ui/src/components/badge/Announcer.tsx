/**
 * Says to assistive tools what the eye sees change: at once after a filter, and rarely while data streams in.
 * Pausing the live connection silences the stream's part.
 */
import { useEffect, useRef, useState } from "preact/hooks";

const STREAM_PAUSE_MS = 30_000;

interface Props {
  readonly sentence: string;
  /** Changes with the reader's own filters. */
  readonly question: string;
  /** A filter is still being chosen: nothing is said of what it passes through. */
  readonly isHeld?: boolean;
}

export function Announcer({ sentence, question, isHeld = false }: Props) {
  const [said, setSaid] = useState("");
  const saidAt = useRef(0);
  const answered = useRef(question);
  useEffect(() => {
    if (isHeld) return;
    const asked = answered.current !== question;
    if (!asked && Date.now() - saidAt.current < STREAM_PAUSE_MS) return;
    answered.current = question;
    saidAt.current = Date.now();
    setSaid(sentence);
  }, [sentence, question, isHeld]);
  return (
    <p class="visually-hidden" role="status" aria-live="polite">
      {said}
    </p>
  );
}
