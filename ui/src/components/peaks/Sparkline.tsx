/** How a peak came about, small: the row's text and the explanation hold the figures. */
import type { Course } from "../../api/types";
import { sparkOf } from "../../model/spark";

const BOX = { width: 76, height: 40, margin: 3 };

export function Sparkline({ course }: { readonly course: Course }) {
  const spark = sparkOf(course, BOX);
  if (spark === null) return null;
  const [x, y] = spark.last;
  return (
    <svg
      class="peak-spark spark"
      width={BOX.width}
      height={BOX.height}
      aria-hidden="true"
      data-testid="sparkline"
    >
      <path class="spark-band" d={spark.band} />
      <path class="spark-expected" d={spark.expected} />
      <path class="spark-observed" d={spark.observed} />
      <circle cx={x} cy={y} r={2.6} />
    </svg>
  );
}
