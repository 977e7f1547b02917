/** A table whose columns sort at the press of their heads; the browser's own table semantics do the rest. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly numeric?: boolean;
  readonly value: (row: Row) => string | number | null;
  /** What is shown, where that is not the plain value. */
  readonly show?: (row: Row) => ComponentChildren;
}

interface Order {
  readonly id: string;
  readonly descending: boolean;
}

interface Props<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly initial: Order;
  readonly isChosen?: (row: Row) => boolean;
  /** Told of the reader's order, where the rows are a part of more. */
  readonly onOrder?: (order: Order) => void;
}

/** So few columns would drift apart over the width of the page. */
const FEW = 5;

export function SortableTable<Row>({
  caption,
  columns,
  rows,
  keyOf,
  initial,
  isChosen,
  onOrder,
}: Props<Row>) {
  const [order, setOrder] = useState<Order>(initial);
  const column = columns.find(({ id }) => id === order.id) ?? columns[0];
  const change = (next: Order) => {
    setOrder(next);
    onOrder?.(next);
  };
  const sorted = column === undefined ? rows : sortRows(rows, column, order.descending);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table data-testid="table" class={columns.length <= FEW ? "few-columns" : ""}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((each) => (
              <Head key={each.id} column={each} order={order} onOrder={change} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)} class={isChosen?.(row) === true ? "chosen" : ""}>
              {columns.map((each) => (
                <td key={each.id} class={each.numeric === true ? "numeric" : ""}>
                  {each.show?.(row) ?? each.value(row) ?? "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps<Row> {
  readonly column: Column<Row>;
  readonly order: Order;
  readonly onOrder: (order: Order) => void;
}

function Head<Row>({ column, order, onOrder }: HeadProps<Row>) {
  const sorted = order.id === column.id;
  const direction = sorted ? (order.descending ? "descending" : "ascending") : "none";
  // Numbers are wanted largest first, names from A on.
  const next = sorted ? !order.descending : column.numeric === true;
  return (
    <th scope="col" aria-sort={direction} class={column.numeric === true ? "numeric" : ""}>
      <button type="button" onClick={() => onOrder({ id: column.id, descending: next })}>
        {column.title}
        <i aria-hidden="true">{sorted ? (order.descending ? "▾" : "▴") : "↕"}</i>
      </button>
    </th>
  );
}

export function sortRows<Row>(rows: readonly Row[], column: Column<Row>, descending: boolean): Row[] {
  const sign = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    // What is unknown comes last either way.
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y), "en", { numeric: true });
  });
}
