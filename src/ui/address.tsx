import type { Child } from 'hono/jsx';

/** Where a long address may break: between the names and the steps it is made of. */
const BETWEEN = /(?<=[./?&=])(?=[^/])|(?=:\d)/;
/** What fits every line, in the narrowest window there is (320 px at 200 % zoom). Characters. */
const SHORT = 10;
const ADDRESS = /(https?:\/\/[^\s"'<>]+)/;

/**
 * A web address, or a host with its port. Never breaks in mid-word: a name that is longer than its line is cut, and its title has
 * the whole.
 */
export function Address({ of }: { of: string }) {
  return <span class="address">{breaking(of)}</span>;
}

/** Its parts alone, for an element whose class has their style (`host`). */
export function breaking(address: string): Child[] {
  return address.split(BETWEEN).map((part, at) => (
    <>
      {at > 0 && <wbr />}
      {part.length > SHORT ? <span title={part}>{part}</span> : part}
    </>
  ));
}

/** `text` as it is; the addresses in it break as {@link Address} does. */
export function withAddresses(text: string): Child[] {
  return text.split(ADDRESS).map((part, at) => (at % 2 ? <Address of={part} /> : part));
}
