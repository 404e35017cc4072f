/** Parts of the page that people write, and the command leaves as they are. */
const KEPT = {
  tried: 'What was tried and what it gave',
  missed: 'Where a target is missed',
} as const;

type Name = keyof typeof KEPT;

const opening = (name: Name) => `<!-- written by hand: ${name} -->`;
const CLOSING = '<!-- end of what is written by hand -->';

/** What a page has between the markers of a part; null: it does not have the part. */
export function keptIn(page: string, name: Name): string | null {
  const [, after] = page.split(opening(name));
  const [text, ...rest] = after?.split(CLOSING) ?? [];
  return rest.length ? (text ?? '').trim() : null;
}

/** The sections that people write, with what they have written in the page before. */
export function keptSections(before: string): string {
  return (Object.keys(KEPT) as Name[])
    .map((name) => {
      const text = keptIn(before, name) ?? 'Nothing yet.';
      return `## ${KEPT[name]}\n\n${opening(name)}\n${text}\n${CLOSING}`;
    })
    .join('\n\n');
}
