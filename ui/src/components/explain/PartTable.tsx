/** Parts of a window, observed against their usual share; the last row is all others, so that the columns add up. */
import { formatCount, formatExpected, formatTest } from "../../model/format";
import type { PartRow } from "../../model/explain";
import { standing } from "../../model/unusual";

interface Props {
  readonly title: string;
  readonly rows: readonly PartRow[];
  readonly observed: number;
  readonly expected: number;
}

export function PartTable({ title, rows, observed, expected }: Props) {
  const greatest = Math.max(1, ...rows.map((row) => Math.max(row.observed, row.expected ?? 0)));
  return (
    <table class="parts" data-testid="parts">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">{title}</th>
          <th scope="col" class="numeric">
            Observed
          </th>
          <th scope="col" class="numeric">
            Expected
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.text} class={row.isRest ? "parts-rest" : ""}>
            <th scope="row">
              {row.text}
              {row.q !== null && row.q <= 0.1 && (
                <span class="parts-mark" title={`${standing(row.q).words}, ${formatTest("q", row.q)}`}>
                  {standing(row.q).sign}
                  <span class="visually-hidden"> {standing(row.q).words}</span>
                </span>
              )}
              <i class="parts-bar" style={{ width: `${(row.observed / greatest) * 100}%` }} />
            </th>
            <td class="numeric">{formatCount(row.observed)}</td>
            <td class="numeric">{row.expected === null ? "–" : formatExpected(row.expected)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">All</th>
          <td class="numeric">{formatCount(observed)}</td>
          <td class="numeric">{formatExpected(expected)}</td>
        </tr>
      </tfoot>
    </table>
  );
}
