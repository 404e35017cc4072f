import { type Followed, followWithin, OF_MESSAGES } from '../protocol/redirects';

/** Where addresses have led, as this isolate saw last. */
const led = new Map<string, string>();
const MOST = 500;

/** Sends a message on to where its address redirects (PROTOCOL §7), and notes where that is. */
export async function sendWithin(
  address: string,
  send: (url: string) => Promise<Response>,
): Promise<Response> {
  const { response, url }: Followed = await followWithin(address, OF_MESSAGES, send);
  led.delete(address);
  if (url !== address) led.set(address, url);
  if (led.size > MOST) led.delete(led.keys().next().value as string);
  return response;
}

/** The address that the last message to `address` was redirected to within its origin; null: none was. */
export function ledTo(address: string): string | null {
  return led.get(address) ?? null;
}
