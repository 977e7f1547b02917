/** One box for areas, categories, blocks and case numbers, in the data itself. A combobox to the keyboard. */
import { useEffect, useState } from "preact/hooks";
import type { Found } from "../../api/types";
import { findsOf, type Find } from "../../model/find";
import { useQuery } from "../../state/query";
import { useView } from "../../state/view";

/** Who types does not want an answer to every letter. */
const TYPING_MS = 200;

export function FindBox() {
  const { view, go } = useView();
  const [text, setText] = useState("");
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setWanted(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const path = wanted === "" ? null : `/api/v1/find?limit=5&q=${encodeURIComponent(wanted)}`;
  const { data, path: answered, error } = useQuery<Found>(path, 0);
  const isAnswered = path !== null && answered === path && data !== null;
  const finds = isAnswered ? findsOf(data) : [];
  const isShown = isOpen && text.trim() !== "" && (isAnswered || error !== null);
  const active = Math.min(at, finds.length - 1);
  const choose = (find: Find | undefined) => {
    if (find === undefined) return;
    go(find.change(view));
    setText("");
    setOpen(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      if (isShown) event.preventDefault();
      setOpen(false);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(finds[active]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((active + step + finds.length) % Math.max(finds.length, 1));
    }
  };
  return (
    <div class="find" role="search">
      <input
        type="text"
        role="combobox"
        data-testid="find"
        placeholder="Find area, case …"
        aria-label="Find an area, category, block or case number"
        aria-autocomplete="list"
        aria-expanded={isShown}
        aria-controls="finds"
        aria-activedescendant={isShown && finds.length > 0 ? `find-${active}` : undefined}
        autocomplete="off"
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
      />
      <ul id="finds" class="finds" role="listbox" aria-label="Finds" hidden={!isShown || finds.length === 0}>
        {finds.map((find, index) => (
          <li
            key={find.id}
            id={`find-${index}`}
            role="option"
            data-testid="found"
            aria-selected={index === active}
            // Before the box loses the focus, and with it the list.
            onPointerDown={(event) => {
              event.preventDefault();
              choose(find);
            }}
          >
            {find.label} <span class="find-hint">{find.hint}</span>
          </li>
        ))}
      </ul>
      {isShown && finds.length === 0 && (
        <p class="finds" role="status">
          {error === null
            ? `Nothing is called “${wanted}”.`
            : `Nothing could be looked up: ${error.message}.`}
        </p>
      )}
    </div>
  );
}
