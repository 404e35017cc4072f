import type { Target } from './target.ts';

/** `npm run rotate-signing-key`: the next key that signs access tokens, published before it signs. */
export async function rotateSigningKey(target: Target): Promise<void> {
  const api = await target.api();
  type Made = { signing_key: { kid: string; active_at: string } };
  const { signing_key: made } = await api.send<Made>('POST', '/api/oauth2/keys/rotate');
  console.log(
    `The key ${made.kid} is published, and signs from ${made.active_at} on. Tokens that earlier keys signed stay valid until they expire: nothing else is to be done.`,
  );
}
