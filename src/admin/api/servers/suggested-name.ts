/** A name a server may have, made of any words. */
export function nameFrom(text: string): string {
  return text
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 64);
}

/** Words of addresses and of what servers call themselves that tell none from another. */
const GENERIC = /^(mcp|api|www|servers?|sse|v\d+)$/i;

/** What a server's name for itself suggests: `linear-mcp-server` is linear. */
export function nameFromInfo(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => !GENERIC.test(word));
  return nameFrom(words.join('_'));
}

/** What an address suggests to call its server: `mcp.linear.app` is Linear. */
export function nameFromUrl(url: string): string {
  const { hostname, pathname } = new URL(url);
  const isNamed = /[g-z]/i.test(hostname) && hostname !== 'localhost';
  const parts = isNamed ? hostname.split('.').slice(0, -1) : pathname.split('/');
  const name = parts.find((part) => part && !GENERIC.test(part)) ?? '';
  return nameFrom(name.charAt(0).toUpperCase() + name.slice(1));
}
