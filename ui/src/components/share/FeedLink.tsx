/** Where to subscribe to what will peak here, and the same for feed readers, which look into the page's head. */
import { useEffect } from "preact/hooks";

interface Props {
  readonly path: string;
  readonly label: string;
  readonly testId: string;
}

export function FeedLink({ path, label, testId }: Props) {
  return (
    <a class="feed-link" href={path} type="application/atom+xml" data-testid={testId}>
      {label}
    </a>
  );
}

/** null: there is nothing to subscribe to. */
export function useFeedInHead(path: string | null, title: string): void {
  useEffect(() => {
    if (path === null) return;
    const link = document.createElement("link");
    link.rel = "alternate";
    link.type = "application/atom+xml";
    link.title = title;
    link.href = path;
    document.head.append(link);
    return () => link.remove();
  }, [path, title]);
}
