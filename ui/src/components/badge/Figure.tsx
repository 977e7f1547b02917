/** A named value of a description list, with what it means for whoever hovers. */

interface Props {
  readonly name: string;
  readonly value: string;
  readonly hint: string;
  /** Whether a person should look. */
  readonly alarming?: boolean;
}

export function Figure({ name, value, hint, alarming = false }: Props) {
  return (
    <div class={alarming ? "figure figure-alarming" : "figure"} title={hint}>
      <dt>{name}</dt>
      <dd>{alarming ? `⚠ ${value}` : value}</dd>
    </div>
  );
}
