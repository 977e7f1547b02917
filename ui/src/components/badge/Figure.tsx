/** A named value of a description list, with what it means for whoever hovers. */

interface Props {
  readonly name: string;
  readonly value: string;
  readonly hint: string;
}

export function Figure({ name, value, hint }: Props) {
  return (
    <div class="figure" title={hint}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
