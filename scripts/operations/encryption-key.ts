import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AdminApi } from '../admin-api.ts';
import { tellWrangler } from '../deploy/wrangler.ts';
import { ROOT } from '../dev/state.ts';
import { newSecret } from '../dev/vars.ts';
import { Stop } from '../stop.ts';
import { keysIn, RETIRED, retireKeys, saveKeys } from './keys-file.ts';
import { askHidden } from './prompt.ts';
import type { Options, Target } from './target.ts';

/** How long a deployment may take to have a new value everywhere. Milliseconds. */
const EVERYWHERE_MS = 300_000;
/** It has it once it says so this many times, one after the other: the next answer may come from elsewhere. */
const TIMES = 5;

/** `GET /api/encryption`. */
type Sealed = {
  keys: { id: string; values: number; accounts: number; grants: number }[];
  unknown: { accounts: number; grants: number };
};

/**
 * `npm run rotate-encryption-key`: puts a new key in front, and seals again with it what stands in the database. Run again, it goes
 * on where it was interrupted. No key is printed, or stands in a command line.
 */
export async function rotateEncryptionKey(target: Target, { wait = '30' }: Options): Promise<void> {
  const api = await target.api();
  const present = await presentKeys(target);
  const deployed = idsOf(await api.get<Sealed>('/api/encryption'));
  const ids = present.map(idOf);
  const isNew = same(ids, deployed) && present.length === 1;
  if (!same(ids, deployed) && !same(ids.slice(1), deployed)) throw notTheDeployeds(target);

  const keys = isNew ? [newSecret(), ...present] : present;
  saveKeys(target.keysFile, keys); // before anything is sealed with it
  if (isNew) console.log(`Made a key, and put it in front of the old one in ${target.keysFile}`);
  if (isNew || !same(ids, deployed)) {
    await deployKeys(target, api, keys);
    if (!target.dev) await delay(Number(wait) * 1000); // who has the old key alone opens nothing that the new one sealed
  }

  for (let left = 1; left; ) {
    const done = await api.send<{ resealed: number; remaining: number; unreadable: number }>(
      'POST',
      '/api/encryption/reseal',
    );
    left = done.remaining;
    console.log(`Sealed ${done.resealed} values with the new key, ${left} to go.`);
    if (!left && done.unreadable)
      console.log(`${done.unreadable} values open with no key: GET /health says what to do.`);
  }
  const now = await api.get<Sealed>('/api/encryption');
  const left = leftWithOld(now);
  console.log(`
Everything in the database is sealed with the new key. ${left || 'Nothing else needs the old one.'}${left && (await until(api))}
${left ? 'Then, or' : 'Now, or'} whenever you like to see what is left: npm run rotate-encryption-key -- --finish`);
}

/** `npm run rotate-encryption-key -- --finish`: takes the old keys away, unless something opens with them alone. */
export async function finishEncryptionKey(target: Target, { force }: Options): Promise<void> {
  const api = await target.api();
  const [first = '', ...old] = await presentKeys(target);
  const sealed = await api.get<Sealed>('/api/encryption');
  const deployed = idsOf(sealed);
  const isDone = same([idOf(first)], deployed);
  if (!isDone && !same([first, ...old].map(idOf), deployed)) throw notTheDeployeds(target);
  if (isDone && !old.length) return console.log('There is one key only: nothing is to be taken away.');

  const left = isDone ? '' : leftWithOld(sealed);
  if (left && !force) {
    throw new Stop(
      `The old keys stay: ${left}${await until(api)}\nTo take them away all the same, which ends that access and disconnects those accounts: -- --finish --force`,
    );
  }
  if (target.dev) retireKeys(target.keysFile, [first, ...old]);
  if (!isDone) await deployKeys(target, api, [first]);
  if (!target.dev) retireKeys(target.keysFile, [first, ...old]);
  console.log(`The gateway has the new key alone. The old ones stay in ${target.keysFile} as ${RETIRED}: backups from before the rotation open with them alone. Delete that line with the last of these.
Browsers that were not here since the rotation are as new ones, and anonymous session values from before it are refused.`);
}

/** The entries of `ENCRYPTION_KEY` as they are now: from the file, the environment, or the administrator. */
async function presentKeys(target: Target): Promise<string[]> {
  const text = keysIn(target.keysFile) ?? process.env.ENCRYPTION_KEY ?? (await askHidden('ENCRYPTION_KEY'));
  const keys = text.split(',').map((key) => key.trim());
  if (!keys.every((key) => /^[A-Za-z0-9_-]{43}=?$/.test(key)))
    throw new Stop('ENCRYPTION_KEY is not 32 bytes of base64url, or a list of such.');
  return keys;
}

/** Gives the gateway its keys, and waits until it has them. */
async function deployKeys(target: Target, api: AdminApi, keys: readonly string[]): Promise<void> {
  if (target.dev) {
    console.log('Restart npm run dev: it reads its secrets when it starts. Waiting …');
  } else {
    tellWrangler(['secret', 'put', 'ENCRYPTION_KEY', '--name', workerName()], keys.join(','));
    console.log('Deployed. Waiting until it is everywhere …');
  }
  const ids = keys.map(idOf);
  const end = Date.now() + EVERYWHERE_MS;
  for (let times = 0; times < TIMES; await delay(200)) {
    const sealed = await api.get<Sealed>('/api/encryption').catch(() => null);
    times = sealed && same(idsOf(sealed), ids) ? times + 1 : 0;
    if (Date.now() > end) {
      throw new Stop(
        `The gateway does not have the keys of ${target.keysFile} yet. Once it does, run this again: it goes on from here.`,
      );
    }
  }
}

function workerName(): string {
  const toml = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8');
  return /^name\s*=\s*"([^"]+)"/m.exec(toml)?.[1] ?? 'toolgate';
}

/** What opens with an old key alone, in words; empty: nothing. */
function leftWithOld({ keys: [, ...old], unknown }: Sealed): string {
  const sum = (of: 'values' | 'accounts' | 'grants') => old.reduce((all, key) => all + key[of], 0);
  const parts = [
    [sum('values'), 'values in the database (run it without --finish)'],
    [sum('grants'), 'grants, until each is refreshed'],
    [sum('accounts'), 'connected accounts, until each is used'],
    [unknown.grants + unknown.accounts, 'grants or accounts of which that is not known, until each is used'],
  ] as const;
  const named = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  return named.length ? `The old key is still needed for ${named.join('; ')}.` : '';
}

/** Until when grants may need an old key. */
async function until(api: AdminApi): Promise<string> {
  type Config = { oauth2_server_config: { refresh_token_ttl: number } };
  const { refresh_token_ttl: ttl } = (await api.get<Config>('/api/config')).oauth2_server_config;
  if (!ttl) return ' No grant ends by being idle here, so there is no day when that is over by itself.';
  const day = new Date(Date.now() + ttl * 1000).toISOString().slice(0, 10);
  return ` Grants that no one refreshes have ended by ${day}.`;
}

/** What the gateway calls an entry of `ENCRYPTION_KEY` (src/crypto/secrets.ts). */
function idOf(key: string): string {
  return createHash('sha256').update(`id ${key}`).digest('base64url').slice(0, 8);
}

const idsOf = ({ keys }: Sealed) => keys.map(({ id }) => id);
const same = (a: readonly string[], b: readonly string[]) => a.join() === b.join();

function notTheDeployeds({ keysFile, dev }: Target): Stop {
  const how = dev
    ? 'Restart npm run dev, which reads it when it starts, and run this again.'
    : 'The value in use is needed: Cloudflare shows it to no one.';
  return new Stop(
    `What ${keysFile} or ENCRYPTION_KEY says is not what the gateway has, so nothing was changed. ${how}`,
  );
}
