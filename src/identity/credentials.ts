/** Headers that carry a virtual key and nothing else (CONTRACT §6). */
const KEY_HEADERS = ['x-bf-vk', 'x-bf-virtual-key', 'x-api-key', 'x-goog-api-key'];

/** What a request shows of who sent it: the token of `Authorization: Bearer`, and every virtual key with its header. */
export type PresentedCredentials = { token: string | null; keys: { header: string; value: string }[] };

/** The credentials in `headers`. A bearer that begins with `sk-bf-` is a key; other schemes than Bearer say nothing here. */
export function credentialsIn(headers: Headers): PresentedCredentials {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1] ?? null;
  const keys: PresentedCredentials['keys'] = [];
  for (const header of KEY_HEADERS) {
    const value = headers.get(header);
    if (value) keys.push({ header, value });
  }
  if (bearer?.startsWith('sk-bf-'))
    return { token: null, keys: [{ header: 'Authorization', value: bearer }, ...keys] };
  return { token: bearer, keys };
}
