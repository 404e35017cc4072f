import * as z from 'zod/mini';
import { because } from './faults/fault';
import { FAULT_WORDS } from './faults/words';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** True for the three names of this computer that RFC 8252 §7.3 and browsers agree on. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}

/** What can be wrong with an address that a request would be sent to. */
export type AddressFault =
  | 'not_a_url'
  | 'url_with_user'
  | 'url_with_fragment'
  | 'not_http'
  | 'not_https'
  | 'not_public';

/**
 * Why the gateway must not send a request to `value`, or null when it may: https on a public host, or, where the
 * deployment allows it, http on loopback. Literal addresses and names are judged (the URL parser has already put every
 * IPv4 spelling into dotted form); what a name resolves to cannot be seen from a Worker.
 */
export function targetFault(value: string, allowLoopback: boolean): AddressFault | null {
  if (!URL.canParse(value)) return 'not_a_url';
  const url = new URL(value);
  if (url.username || url.password) return 'url_with_user';
  if (url.hash) return 'url_with_fragment';
  if (allowLoopback && isLoopback(url.hostname)) return /^https?:$/.test(url.protocol) ? null : 'not_http';
  if (url.protocol !== 'https:') return 'not_https';
  return isPublicHost(url.hostname) ? null : 'not_public';
}

/** {@link targetFault} in words for developers. */
export function refusedTarget(value: string, allowLoopback: boolean): string | null {
  const refused = targetFault(value, allowLoopback);
  return refused && FAULT_WORDS[refused]();
}

/** An address the gateway is told to send requests to. */
export const publicUrl = (allowLoopback: boolean) =>
  z.string().check(
    z.maxLength(2000),
    z.superRefine((value, context) => {
      const refused = targetFault(value, allowLoopback);
      if (refused) context.addIssue({ code: 'custom', message: because(refused) });
    }),
  );

function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/\.+$/, '').toLowerCase();
  if (host.startsWith('[')) return isPublicIPv6(host.slice(1, -1));
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return isPublicIPv4(host.split('.').map(Number));
  return host.includes('.') && !/\.(localhost|local|internal|home\.arpa|lan|test|invalid|onion)$/.test(host);
}

/** RFC 6890 and its successors: what is routed on the public internet. */
function isPublicIPv4([a = 0, b = 0, c = 0]: number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if (a === 100 && b >= 64 && b <= 127) return false;
  if (a === 169 && b === 254) return false;
  if (a === 172 && b >= 16 && b <= 31) return false;
  if (a === 192 && (b === 168 || (b === 0 && (c === 0 || c === 2)) || (b === 88 && c === 99))) return false;
  if (a === 198 && (b === 18 || b === 19 || (b === 51 && c === 100))) return false;
  return !(a === 203 && b === 0 && c === 113);
}

/** Global unicast (2000::/3) only, and none of its ranges that carry an IPv4 address or documentation. */
function isPublicIPv6(address: string): boolean {
  const [first = '', second = ''] = address.split(':');
  const head = Number.parseInt(first || '0', 16);
  if (head < 0x2000 || head > 0x3fff) return false;
  if (head === 0x2002) return false; // 6to4
  return !(head === 0x2001 && (second === '' || Number.parseInt(second, 16) < 0x200 || second === 'db8'));
}
