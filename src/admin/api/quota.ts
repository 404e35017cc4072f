import { Hono } from 'hono';
import type * as z from 'zod/mini';
import type { App } from '../../config';
import { keyObject } from '../../governance/key-object';
import { credentialsIn } from '../../identity/credentials';
import { findPresentedKey, refusalOfPresented } from '../../identity/virtual-key';
import { rfc3339 } from './answer';
import type { Quota } from './answers/quota';
import { refusal } from './error';

/** What is left of a key, for its holder: the key itself is the credential, in the headers `/mcp` takes it in. */
export const quota = new Hono<App>().get('/', async (c) => {
  const { token, keys } = credentialsIn(c.req.raw.headers);
  const [value, ...others] = new Set(keys.map((key) => key.value));
  const isOne = value && !others.length && token === null;
  const presented = isOne ? await findPresentedKey(c.env.DB, value) : null;
  const why = presented && refusalOfPresented(presented, c.var.settings, Date.now() / 1000);
  if (!presented || why === 'unknown') {
    throw refusal('no_key');
  }
  const { key } = presented;
  const usages = key.limits.length ? await keyObject(c.env.KEYS, key.id).usage(key.limits) : [];
  const left: z.infer<typeof Quota> = {
    virtual_key_name: key.name,
    is_active: why === null,
    expires_at: rfc3339(key.expiresAt),
    limits: usages.map(({ calls, window_seconds, used, resetsAt }) => ({
      calls,
      window_seconds,
      used,
      remaining: Math.max(0, calls - used),
      resets_at: rfc3339(resetsAt === null ? null : Math.ceil(resetsAt / 1000)),
    })),
  };
  return c.json(left);
});
