/** What is shown, to take away: a link, the figures as CSV and GeoJSON, a picture with its legend, a frame for a page. */
import { useEffect, useRef, useState } from "preact/hooks";
import { feedPath } from "../../model/feed";
import { formatView } from "../../model/view";
import { useAreas } from "../../state/areas";
import { useDrawn } from "../../state/drawn";
import { useFrame } from "../../state/frame";
import { useMeta } from "../../state/live";
import { usePeakingAreas } from "../../state/peaking";
import { useTheme } from "../../state/theme";
import { useView } from "../../state/view";
import { CopyButton } from "../CopyButton";
import { FeedLink, useFeedInHead } from "./FeedLink";
import { posterOf } from "./poster";

export function TakeAway() {
  const { view } = useView();
  const { path } = useDrawn();
  const { layer } = useAreas();
  const feed = layer === null ? null : feedPath(view.filter, layer.name);
  useFeedInHead(feed, "Episodes of these areas and categories");
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      if (box.current !== null && event.target instanceof Node && !box.current.contains(event.target))
        box.current.open = false;
    };
    document.addEventListener("click", close);
    return () => document.removeEventListener("click", close);
  }, []);
  return (
    <details
      class="take-away"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || box.current === null) return;
        box.current.open = false;
        box.current.querySelector("summary")?.focus();
      }}
    >
      <summary data-testid="take-away">
        Share<span class="wide-only">, save</span>
      </summary>
      <div class="take-away-menu">
        <CopyButton label="Copy link" testId="copy-link" text={() => location.href} />
        {path !== null && (
          <>
            <a href={withFormat(path, "csv")} download="blotter.csv" data-testid="download-csv">
              Figures of the map as CSV
            </a>
            <a href={withFormat(path, "geojson")} download="blotter.geojson" data-testid="download-geojson">
              … as GeoJSON
            </a>
          </>
        )}
        <PictureButton />
        {feed !== null && (
          <FeedLink path={feed} label="Subscribe to episodes here (Atom feed)" testId="feed-link" />
        )}
        <CopyButton
          label="Copy code to embed the map"
          testId="copy-embed"
          text={() =>
            `<iframe src="${location.origin}/?${formatView({ ...view, embed: true })}" width="800" height="600" title="Map"></iframe>`
          }
        />
      </div>
    </details>
  );
}

function PictureButton() {
  const { picture } = useFrame();
  const { drawing, period } = useDrawn();
  const { theme } = useTheme();
  const meta = useMeta();
  const peaking = usePeakingAreas();
  const [failure, setFailure] = useState<string | null>(null);
  const save = async () => {
    if (picture.current === null || drawing === null) {
      setFailure("The map is not there yet");
      return;
    }
    const poster = await posterOf(await picture.current(), {
      drawing,
      period,
      theme,
      meta,
      hasPeaks: peaking.length > 0,
    });
    const address = URL.createObjectURL(poster);
    const link = document.createElement("a");
    link.href = address;
    link.download = "blotter.png";
    link.click();
    URL.revokeObjectURL(address);
    setFailure(null);
  };
  return (
    <>
      <button type="button" class="quiet" data-testid="save-picture" onClick={() => void save()}>
        Picture of the map (PNG)
      </button>
      {failure !== null && <p role="alert">{failure}.</p>}
    </>
  );
}

function withFormat(path: string, format: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}format=${format}`;
}
