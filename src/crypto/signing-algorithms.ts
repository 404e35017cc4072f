import type { JWK } from 'jose';

/** What signing keys are made for (RFC 7518 §3.1): the setting `signing_alg` says which of them new keys are. */
export const SIGNING_ALGORITHMS = ['RS256', 'ES256'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** How keys of each algorithm are made, and the members of a public one (RFC 7518 §6). */
export const KEY_KINDS: Readonly<
  Record<SigningAlgorithm, { generate: SubtleCryptoGenerateKeyAlgorithm; members: readonly (keyof JWK)[] }>
> = {
  RS256: {
    generate: {
      name: 'RSASSA-PKCS1-v1_5',
      hash: 'SHA-256',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    members: ['n', 'e'],
  },
  ES256: { generate: { name: 'ECDSA', namedCurve: 'P-256' }, members: ['crv', 'x', 'y'] },
};
