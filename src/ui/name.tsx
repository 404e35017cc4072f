import type { Child } from 'hono/jsx';
import { graphemes } from './english';

/** Characters of a name that are shown at once; the rest is one press away. */
export const MOST = 60;

/** What shows as nothing or as a space: a name of nothing else is no name. */
const BLANK = /[\p{Z}\p{C}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Marks beyond the fourth on one letter: they are painted over what stands above and below. */
const STACKED = /(\p{M}{4})\p{M}+/gu;

/** Letters that change the order of what stands beside them, unless they are isolated (Unicode UAX #9). */
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/** What is seen of a name, and what it is in full; `isCut` when these differ. */
function shownOf(name: string): { begin: string; whole: string; isCut: boolean } {
  if (!name.replace(BLANK, '')) return { begin: NO_NAME, whole: NO_NAME, isCut: false };
  const whole = name.replace(STACKED, '$1');
  if (whole.length <= MOST) return { begin: whole, whole, isCut: false };
  const letters = [...graphemes().segment(whole)];
  const isCut = letters.length > MOST;
  const begin = isCut ? letters.slice(0, MOST - 1).map(({ segment }) => segment) : [whole];
  return { begin: begin.join('').trimEnd(), whole, isCut };
}

const NO_NAME = '(no visible name)';

/**
 * A name that someone chose, as words hold it that have no elements: a notice, an option, a label for screen readers. At
 * most 60 characters, and what is written from right to left stays among its own (SECURITY 31).
 */
export function cut(name: string): string {
  const { begin, isCut } = shownOf(name);
  const text = isCut ? `${begin}…` : begin;
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** The same where a link, button or label is what it stands in. The whole name is its tooltip; {@link Whole} goes beside it. */
export function Cut({ of }: { of: string }): Child {
  const { begin, whole, isCut } = shownOf(of);
  if (isCut) return <bdi title={whole}>{begin}…</bdi>;
  return RIGHT_TO_LEFT.test(whole) ? <bdi>{whole}</bdi> : whole;
}

/** What a text says in full, as its tooltip; none where two lines of a cell show it. */
export function tipOf(text: string): string | undefined {
  return text.length > 40 ? text : undefined;
}

/** A name that someone chose, in text: at most 60 characters, and a button that shows the whole of it without a script. */
export function Name({ of }: { of: string }) {
  const { begin, isCut } = shownOf(of);
  if (!isCut) return <Cut of={of} />;
  return (
    <>
      <bdi>{begin}</bdi>
      <Whole of={of} />
    </>
  );
}

/** The button that shows the whole of a name, over the page, so that nothing on it moves. None where the name is not cut. */
export function Whole({ of, label = 'Show the whole name' }: { of: string; label?: string }) {
  const { whole, isCut } = shownOf(of);
  if (!isCut) return null;
  const id = nextId();
  return (
    <>
      <button type="button" class="more" popovertarget={id} aria-label={label}>
        …
      </button>
      <span class="card whole" id={id} popover="auto">
        <bdi>{whole}</bdi>
      </span>
    </>
  );
}

let last = 0;

/** An id that no other element of a page has. */
function nextId(): string {
  last = (last + 1) % 1_000_000;
  return `name-${last}`;
}
