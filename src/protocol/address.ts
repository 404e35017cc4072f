/**
 * The address a limit counts: the client's as Cloudflare saw it, of IPv6 the /64 that one customer has. Locally there
 * is none, and all callers count as one.
 */
export function addressOf({ headers }: { headers: Headers }): string {
  const address = headers.get('cf-connecting-ip') ?? 'local';
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  while (address.includes('::') && groups.length + after.length < 8) groups.push('0');
  return `${[...groups, ...after].slice(0, 4).join(':')}::/64`;
}
