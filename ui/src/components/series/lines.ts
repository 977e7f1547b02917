/** How the lines of the chart look: told apart by dashes as well as by colour, for print and for every eye. */

export interface LineStyle {
  /** A class of the style sheet, which knows the theme's colours. */
  readonly name: string;
  readonly dash: string | undefined;
}

const STYLES: readonly LineStyle[] = [
  { name: "line-1", dash: undefined },
  { name: "line-2", dash: "7 3" },
  { name: "line-3", dash: "2 2.5" },
  { name: "line-4", dash: "10 3 2 3" },
  { name: "line-5", dash: "14 4" },
];

const REST: LineStyle = { name: "line-rest", dash: "1 4" };

export const MOST_LINES = STYLES.length;

export function lineStyle(index: number, isRest: boolean): LineStyle {
  return isRest ? REST : (STYLES[index] ?? REST);
}
