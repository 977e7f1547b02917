/** A component in its page: the real providers, an address, and a server of prepared answers. */
import { cleanup, render, screen } from "@testing-library/preact";
import type { ComponentChildren } from "preact";
import { afterEach, vi } from "vitest";
import { AreasProvider } from "../state/areas";
import { DrawnProvider } from "../state/drawn";
import { FrameProvider, useFrame } from "../state/frame";
import { LiveProvider, MetaProvider, useLive } from "../state/live";
import { ThemeProvider } from "../state/theme";
import { ViewProvider } from "../state/view";
import { CELLS, META } from "./answers";

/** By the beginning of their paths; `PENDING` never comes. */
export type Answers = Readonly<Record<string, unknown>>;

export const PENDING = Symbol("an answer that never comes");

export class Refusal {
  readonly detail: string;
  constructor(detail: string) {
    this.detail = detail;
  }
}

export interface Page {
  /** Paths that were asked for, in order. */
  readonly asked: string[];
}

class Quiet extends EventTarget {
  static readonly CLOSED = 2;
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  close(): void {
    this.readyState = Quiet.CLOSED;
  }
}

/** happy-dom lays nothing out. */
class Measured {
  readonly #told: ResizeObserverCallback;
  constructor(told: ResizeObserverCallback) {
    this.#told = told;
  }
  observe(): void {
    const entry = { contentRect: { width: 800, height: 400 } } as ResizeObserverEntry;
    this.#told([entry], this as unknown as ResizeObserver);
  }
  disconnect(): void {
    // There is nothing to end.
  }
}

export async function open(children: ComponentChildren, address = "", answers: Answers = {}): Promise<Page> {
  const asked: string[] = [];
  const all: Answers = { "/api/v1/meta": META, "/api/v1/cells": CELLS, ...answers };
  vi.stubGlobal("EventSource", Quiet);
  vi.stubGlobal("ResizeObserver", Measured);
  vi.stubGlobal("fetch", (path: string) => {
    if (path !== "/api/v1/meta") asked.push(path);
    return respond(all, path);
  });
  history.replaceState(null, "", `/${address}`);
  render(
    <ThemeProvider>
      <ViewProvider>
        <LiveProvider>
          <Known>{children}</Known>
        </LiveProvider>
      </ViewProvider>
    </ThemeProvider>,
  );
  await screen.findByTestId("known");
  return { asked };
}

function Known({ children }: { readonly children: ComponentChildren }) {
  const { meta } = useLive().state;
  if (meta === null) return null;
  return (
    <MetaProvider meta={meta}>
      <AreasProvider>
        <FrameProvider>
          <DrawnProvider>
            <Map />
            <div data-testid="known">{children}</div>
          </DrawnProvider>
        </FrameProvider>
      </AreasProvider>
    </MetaProvider>
  );
}

/** Where the map would be: its size says which hexagons are asked for. */
function Map() {
  return <div ref={useFrame().element} />;
}

function respond(answers: Answers, path: string): Promise<Response> {
  const key = Object.keys(answers)
    .filter((each) => path.startsWith(each))
    .toSorted((a, b) => b.length - a.length)[0];
  const answer = key === undefined ? new Refusal(`no answer is prepared for ${path}`) : answers[key];
  if (answer === PENDING) return new Promise(() => undefined);
  if (answer instanceof Refusal)
    return Promise.resolve(Response.json({ title: "Bad Request", detail: answer.detail }, { status: 400 }));
  return Promise.resolve(Response.json(answer));
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
