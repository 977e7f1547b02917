/** Whom to credit for the base map. */
import { useMemo } from "preact/hooks";
import { creditsOf } from "../../model/attribution";

export function Attribution({ html }: { readonly html: string }) {
  const credits = useMemo(() => creditsOf(html), [html]);
  return (
    <p class="map-attribution" data-testid="attribution">
      {credits.map(({ text, href }, index) =>
        href === null ? (
          <span key={index}>{text}</span>
        ) : (
          <a key={index} href={href} target="_blank" rel="noreferrer">
            {text}
          </a>
        ),
      )}
    </p>
  );
}
