/** A context that must be provided: whoever asks for it outside is a mistake in the page, found at once. */
import { createContext, type Context } from "preact";
import { useContext } from "preact/hooks";

export type Provided<T extends object> = Context<T | null>;

export function provided<T extends object>(): Provided<T> {
  return createContext<T | null>(null);
}

export function useProvided<T extends object>(context: Provided<T>, what: string): T {
  const value = useContext(context);
  if (value === null) throw new Error(`${what} is not provided here`);
  return value;
}
