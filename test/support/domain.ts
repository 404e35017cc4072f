import { vi } from 'vitest';
import { gate } from './gate';

/** What an address does that no DNS record knows yet. */
export const unknownHost = () => Promise.reject<Response>(new TypeError('Network connection lost.'));

/**
 * Until `vi.restoreAllMocks()`, what the gateway sends to these origins comes back to it, as a DNS record and a route bring it
 * there. What `instead` answers comes from there instead.
 */
export function leadsHere(
  origins: readonly string[],
  instead?: (request: Request) => Response | Promise<Response>,
): void {
  const connect = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const request = new Request(input, init);
    if (!origins.includes(new URL(request.url).origin)) return connect(input, init);
    return Promise.resolve(instead?.(request) ?? gate(request));
  });
}
