import * as z from 'zod';
import { sealedSettings } from '../../config';
import type { SealedValue } from '../../crypto/reseal';
import { open } from '../../crypto/secrets';
import { sealedSigningKeys } from '../../crypto/signing-keys';
import { map, type Question, together } from '../../database';
import { sealedExchangeSecrets } from '../../servers/exchange-secret';
import { sealedClientSecrets } from '../../servers/oauth-config-store';
import { sealedHeaders } from '../../servers/sealed-headers';

const KINDS = ['signing_keys', 'settings', 'server_headers', 'client_secrets', 'exchange_secrets'] as const;
type Kind = (typeof KINDS)[number];

/** What an administrator does about values of each kind that do not open. */
const REMEDIES: Readonly<Record<Kind, string>> = {
  signing_keys: 'Nothing to do: another key signs, and these are deleted a day after they were replaced.',
  settings: 'Save the client secret of the sign-in provider again.',
  server_headers: 'Enter the header values of the servers that need to be authorized again.',
  client_secrets: 'Enter the client secret of these servers again, or have the gateway register again.',
  exchange_secrets: 'Enter the client secret of the servers that exchange tokens again.',
};

/** Sealed values that no entry of `ENCRYPTION_KEY` opens, of one kind. */
export const Unreadable = z.object({ kind: z.enum(KINDS), count: z.int(), remedy: z.string() });
export type Unreadable = z.infer<typeof Unreadable>;

/** Everything that is stored sealed in D1, by kind. What Durable Objects hold is not among it. */
export function sealedValuesQuestion(db: D1Database): Question<ReadonlyMap<Kind, SealedValue[]>> {
  const asked = together(
    sealedSigningKeys(db),
    sealedSettings(db),
    sealedHeaders(db),
    sealedClientSecrets(db),
    sealedExchangeSecrets(db),
  );
  return map(asked, (values) => new Map(KINDS.map((kind, at) => [kind, values[at] ?? []])));
}

/** Which kinds of values do not open, and how many of each. */
export async function unreadableAmong(
  encryptionKey: string,
  values: ReadonlyMap<Kind, readonly SealedValue[]>,
): Promise<Unreadable[]> {
  const found = [...values].map(async ([kind, ofKind]) => {
    const opened = await Promise.all(ofKind.map(({ place, sealed }) => open(encryptionKey, place, sealed)));
    return { kind, count: opened.filter((text) => text === null).length, remedy: REMEDIES[kind] };
  });
  return (await Promise.all(found)).filter(({ count }) => count > 0);
}
