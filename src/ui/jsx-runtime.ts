import type { JSX } from 'hono/jsx/jsx-runtime';

export type { JSX };

/** HTML that was made here: all that is not escaped again. No text or JSON can be taken for one. */
class Html {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

type Props = Readonly<Record<string, unknown>>;
type Component = (props: Props) => unknown;

/** Elements without an end (HTML, void elements). */
const VOID = /^(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/;
/** Attributes that are there or not. */
const BOOLEAN =
  /^(autofocus|checked|controls|defer|disabled|download|formnovalidate|hidden|multiple|novalidate|open|readonly|required|selected)$/;

/**
 * Makes an element, or what a component returns: what `<a>` in a `.tsx` file is compiled to. Parts of a page are strings as soon
 * as they are made; every text and attribute is escaped (SECURITY 31). hono's own does more (contexts, promises, the DOM).
 */
export function jsx(tag: string | Component, { children, ...props }: Props): JSX.Element {
  const [only, ...more] = Array.isArray(children) ? children : [children];
  const inner = more.length ? children : only;
  if (typeof tag === 'function')
    return element(htmlOf(tag(inner === undefined ? props : { ...props, children: inner })));
  const attributes = Object.entries(props).map(([name, value]) => attributeOf(name, value));
  const start = `<${tag}${attributes.join('')}`;
  return element(VOID.test(tag) ? `${start}/>` : `${start}>${htmlOf(inner)}</${tag}>`);
}

export { jsx as jsxDEV, jsx as jsxs };

/** Several elements as one. */
export function Fragment({ children }: Props): JSX.Element {
  return element(htmlOf(children));
}

/** HTML that was made elsewhere, as it is. */
export function raw(html: string): JSX.Element {
  return element(html);
}

const element = (html: string) => new Html(html) as unknown as JSX.Element;

function attributeOf(name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean' && BOOLEAN.test(name)) return value ? ` ${name}=""` : '';
  return ` ${name}="${escaped(String(value))}"`;
}

function htmlOf(child: unknown): string {
  if (child instanceof Html) return child.toString();
  if (Array.isArray(child)) return child.map(htmlOf).join('');
  return child === undefined || child === null || typeof child === 'boolean' ? '' : escaped(String(child));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
}
