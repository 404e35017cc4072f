import { credentialSealersQuestion } from '../../accounts/credentials';
import { sealedSettings } from '../../config';
import type { SealedValue } from '../../crypto/reseal';
import { open, sealerOf, sealersIn } from '../../crypto/secrets';
import { sealedSigningKeys } from '../../crypto/signing-keys';
import { ask, map, type Question, together } from '../../database';
import { grantSealersQuestion } from '../../grants/store';
import { sealedExchangeSecrets } from '../../servers/exchange-secret';
import { sealedClientSecrets } from '../../servers/oauth-config-store';
import { sealedHeaders } from '../../servers/sealed-headers';

/** Values in D1, and what objects hold. */
const IN_D1 = ['signing_keys', 'settings', 'server_headers', 'client_secrets', 'exchange_secrets'] as const;
export const KINDS = [...IN_D1, 'accounts', 'grants'] as const;
type Kind = (typeof KINDS)[number];
type InD1 = (typeof IN_D1)[number];

/** What an administrator does about values of each kind that do not open. */
const REMEDIES: Readonly<Record<Kind, string>> = {
  signing_keys: 'Nothing to do: another key signs, and these are deleted a day after they were replaced.',
  settings: 'Save the client secret of the sign-in provider again.',
  server_headers: 'Enter the header values of the servers that need to be authorized again.',
  client_secrets: 'Enter the client secret of these servers again, or have the gateway register again.',
  exchange_secrets: 'Enter the client secret of the servers that exchange tokens again.',
  accounts:
    'Authorize the servers again that need it. People connect their own accounts again, on their page or when an app asks for it.',
  grants: 'Nothing to do: these apps ask their people to allow them again.',
};

/** Sealed values that no entry of `ENCRYPTION_KEY` opens, of one kind. */
export type Unreadable = { kind: Kind; count: number; remedy: string };

/** Everything that is stored sealed in D1, by kind. What Durable Objects hold is not among it. */
export function sealedValuesQuestion(db: D1Database): Question<ReadonlyMap<InD1, SealedValue[]>> {
  const asked = together(
    sealedSigningKeys(db),
    sealedSettings(db),
    sealedHeaders(db),
    sealedClientSecrets(db),
    sealedExchangeSecrets(db),
  );
  return map(asked, (values) => new Map(IN_D1.map((kind, at) => [kind, values[at] ?? []])));
}

/** Which kinds of values no entry of `encryptionKey` opens, and how many of each. Of what objects hold, as far as the index knows. */
export function unreadableQuestion(db: D1Database, encryptionKey: string): Question<Promise<Unreadable[]>> {
  const asked = together(sealedValuesQuestion(db), credentialSealersQuestion(db), grantSealersQuestion(db));
  return map(asked, async ([values, accounts, grants]) => {
    const sealers = new Set(await sealersIn(encryptionKey));
    const lost = (counts: ReadonlyMap<string | null, number>) =>
      [...counts].reduce((sum, [sealer, n]) => (sealer === null || sealers.has(sealer) ? sum : sum + n), 0);
    const inD1 = [...values].map(async ([kind, ofKind]): Promise<[Kind, number]> => {
      const opened = await Promise.all(ofKind.map(({ place, sealed }) => open(encryptionKey, place, sealed)));
      return [kind, opened.filter((text) => text === null).length];
    });
    const counts: [Kind, number][] = [
      ...(await Promise.all(inD1)),
      ['accounts', lost(accounts)],
      ['grants', lost(grants)],
    ];
    return counts
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => ({ kind, count, remedy: REMEDIES[kind] }));
  });
}

/** How much each entry of `encryptionKey` sealed, the first one first; of what objects hold, as far as the index knows. */
export async function sealedBy(db: D1Database, encryptionKey: string) {
  const [values, accounts, grants] = await ask(
    db,
    sealedValuesQuestion(db),
    credentialSealersQuestion(db),
    grantSealersQuestion(db),
  );
  const sealers = await Promise.all(
    [...values.values()].flat().map(async ({ place, sealed }) => {
      const isReadable = (await open(encryptionKey, place, sealed)) !== null;
      return isReadable ? sealerOf(sealed) : null; // what was altered or moved needs no key
    }),
  );
  const ids = await sealersIn(encryptionKey);
  return {
    keys: ids.map((id) => ({
      id,
      values: sealers.filter((sealer) => sealer === id).length,
      accounts: accounts.get(id) ?? 0,
      grants: grants.get(id) ?? 0,
    })),
    unknown: { accounts: accounts.get(null) ?? 0, grants: grants.get(null) ?? 0 },
  };
}
