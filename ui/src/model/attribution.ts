/** Whom to credit for a base map, as its file gives it: text and links out of HTML, and nothing else of it. */

export interface Credit {
  readonly text: string;
  /** null: plain text. */
  readonly href: string | null;
}

export function creditsOf(html: string): Credit[] {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  return [...body.childNodes].flatMap((node) => creditsIn(node));
}

export function creditText(html: string): string {
  return creditsOf(html)
    .map(({ text }) => text)
    .join("")
    .trim();
}

function creditsIn(node: Node): Credit[] {
  const name = node.nodeName.toLowerCase();
  if (name === "script" || name === "style") return [];
  const text = node.textContent ?? "";
  if (name === "a") return [{ text, href: safe((node as Element).getAttribute("href")) }];
  if (node.childNodes.length === 0) return text === "" ? [] : [{ text, href: null }];
  return [...node.childNodes].flatMap((each) => creditsIn(each));
}

function safe(href: string | null): string | null {
  return href !== null && /^https?:\/\//.test(href) ? href : null;
}
