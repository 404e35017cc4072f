import { encryptionKeys } from './crypto/secrets';
import type { Settings } from './settings';

/** The secrets that every deployment has, as they are set. */
type Secrets = { ENCRYPTION_KEY?: string; ADMIN_TOKEN?: string };

/** A secret that cannot be used: why, and the command that sets it. */
export type MissingSecret = { name: string; fault: string; command: string };

/** Characters ADMIN_TOKEN has at least (CONTRACT §1). */
const LEAST_TOKEN = 32;

/** The secrets this isolate found in order: its own never change, tests have others. */
let inOrder: Secrets | null = null;

/** The secrets that are missing or cannot be used. Empty when all is well. */
export function missingSecrets({ ENCRYPTION_KEY, ADMIN_TOKEN }: Secrets): MissingSecret[] {
  if (inOrder && inOrder.ENCRYPTION_KEY === ENCRYPTION_KEY && inOrder.ADMIN_TOKEN === ADMIN_TOKEN) return [];
  const missing = missingAmong({ ENCRYPTION_KEY, ADMIN_TOKEN });
  if (!missing.length) inOrder = { ENCRYPTION_KEY, ADMIN_TOKEN };
  return missing;
}

function missingAmong(env: Secrets): MissingSecret[] {
  const missing: MissingSecret[] = [];
  if (!encryptionKeys(env.ENCRYPTION_KEY)) {
    missing.push({
      name: 'ENCRYPTION_KEY',
      fault: env.ENCRYPTION_KEY ? 'is not 32 bytes of base64url' : 'is missing',
      command: 'openssl rand 32 | basenc --base64url | npx wrangler secret put ENCRYPTION_KEY',
    });
  }
  if ((env.ADMIN_TOKEN ?? '').trim().length < LEAST_TOKEN) {
    missing.push({
      name: 'ADMIN_TOKEN',
      fault: env.ADMIN_TOKEN ? `has fewer than ${LEAST_TOKEN} characters` : 'is missing',
      command: 'openssl rand -hex 32 | npx wrangler secret put ADMIN_TOKEN',
    });
  }
  return missing;
}

/** The setting {@link missingProviderSecret} is about. */
export const PROVIDER_SECRET = 'oidc.client_secret';

/** The provider's secret, when one is needed and not there; with the command that sets it. */
export function missingProviderSecret({ oidc }: Settings): MissingSecret | null {
  if (!oidc.issuer || oidc.client_secret) return null;
  const fault = 'is missing';
  return { name: 'OIDC_CLIENT_SECRET', fault, command: 'npx wrangler secret put OIDC_CLIENT_SECRET' };
}
