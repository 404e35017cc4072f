import { base64url } from 'jose';
import { itemsOf } from '../protocol/headers';

const utf8 = new TextEncoder();

/** `bytes` random bytes, base64url: 32 for anything that stands as a credential. */
export function randomSecret(bytes = 32): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** SHA-256 of a secret, base64url. Enough for secrets of 256 random bits, which need no salt or stretching. */
export async function hashSecret(secret: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8.encode(secret))));
}

/** Compares in a time that depends on the lengths only. */
export function equalSecrets(a: string, b: string): boolean {
  const left = utf8.encode(a);
  const right = utf8.encode(b);
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right);
}

/** What a derived key is for: keys of two purposes tell nothing about each other. */
type Purpose = 'seal' | 'mac';

/** Keys derived from the entries of `ENCRYPTION_KEY`, kept for the isolate's life. */
const derived = new Map<string, CryptoKey>();

/** HKDF over an entry of `ENCRYPTION_KEY`. */
async function derive(entry: string, purpose: Purpose): Promise<CryptoKey> {
  const name = `${purpose} ${entry}`;
  const known = derived.get(name);
  if (known) return known;

  const master = await crypto.subtle.importKey('raw', base64url.decode(entry), 'HKDF', false, ['deriveKey']);
  const info = utf8.encode(`toolgate ${purpose}`);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  const key =
    purpose === 'seal'
      ? await crypto.subtle.deriveKey(hkdf, master, { name: 'AES-GCM', length: 256 }, false, [
          'encrypt',
          'decrypt',
        ])
      : await crypto.subtle.deriveKey(hkdf, master, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, [
          'sign',
        ]);
  derived.set(name, key);
  return key;
}

/** Ids of the entries of `ENCRYPTION_KEY`, kept for the isolate's life. */
const ids = new Map<string, string>();

/** Names an entry of `ENCRYPTION_KEY` beside what it sealed, without telling anything about it. */
async function keyId(entry: string): Promise<string> {
  const known = ids.get(entry);
  if (known) return known;
  const id = (await hashSecret(`id ${entry}`)).slice(0, 8);
  ids.set(entry, id);
  return id;
}

/** The entries of `ENCRYPTION_KEY`: the first seals, all open. Null when one is not 32 bytes of base64url. */
export function encryptionKeys(value: string | undefined): string[] | null {
  const entries = itemsOf(value ?? '');
  return entries.length && entries.every((entry) => /^[A-Za-z0-9_-]{43}=?$/.test(entry)) ? entries : null;
}

function entriesOf(keys: string): [string, ...string[]] {
  return (encryptionKeys(keys) ?? ['']) as [string, ...string[]];
}

/**
 * Seals a text with AES-256-GCM: `<key id>.<iv>.<ciphertext>`, base64url.
 * @param keys the value of `ENCRYPTION_KEY`; @param place table, row and column (`server/<id>/headers`), authenticated
 * with the text, so that a sealed value moved elsewhere does not open.
 */
export async function seal(keys: string, place: string, text: string): Promise<string> {
  return sealWith(keys, place, text, crypto.getRandomValues(new Uint8Array(12)));
}

/**
 * The same, but alike for the same text at the same place: the nonce is made of both with a key, so that none serves for two
 * texts. For names that clients compare: it shows no more than that two are equal.
 */
export async function sealAlike(keys: string, place: string, text: string): Promise<string> {
  const tag = base64url.decode(await mac(keys, JSON.stringify(['nonce', place, text])));
  return sealWith(keys, place, text, tag.slice(0, 12));
}

async function sealWith(
  keys: string,
  place: string,
  text: string,
  iv: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const [entry] = entriesOf(keys);
  const id = await keyId(entry);
  const algorithm = { name: 'AES-GCM', iv, additionalData: utf8.encode(`${place} ${id}`) };
  const sealed = await crypto.subtle.encrypt(algorithm, await derive(entry, 'seal'), utf8.encode(text));
  return `${id}.${base64url.encode(iv)}.${base64url.encode(new Uint8Array(sealed))}`;
}

/** Opens what {@link seal} sealed at the same place; null when it was moved, altered or sealed with a key that is gone. */
export async function open(keys: string, place: string, sealed: string): Promise<string | null> {
  const [id, iv, text] = sealed.split('.');
  if (!id || !iv || !text) return null;
  for (const entry of entriesOf(keys)) {
    if ((await keyId(entry)) !== id) continue;
    try {
      const algorithm = {
        name: 'AES-GCM',
        iv: base64url.decode(iv),
        additionalData: utf8.encode(`${place} ${id}`),
      };
      return new TextDecoder().decode(
        await crypto.subtle.decrypt(algorithm, await derive(entry, 'seal'), base64url.decode(text)),
      );
    } catch {
      return null;
    }
  }
  return null;
}

/**
 * Compresses a text and seals it with a key that seals nothing else, so that no nonce is needed: base64url.
 * @param key 32 bytes, base64url
 */
export async function sealAlone(key: string, text: string): Promise<string> {
  const bytes = await through(text, new CompressionStream('gzip')).arrayBuffer();
  return base64url.encode(new Uint8Array(await alone('encrypt', key, bytes)));
}

/** Opens what {@link sealAlone} sealed; null when another key did. */
export async function openAlone(key: string, sealed: string): Promise<string | null> {
  try {
    const bytes = await alone('decrypt', key, base64url.decode(sealed));
    return await through(bytes, new DecompressionStream('gzip')).text();
  } catch {
    return null;
  }
}

async function alone(how: 'encrypt' | 'decrypt', key: string, data: BufferSource): Promise<ArrayBuffer> {
  const own = await crypto.subtle.importKey('raw', base64url.decode(key), 'AES-GCM', false, [how]);
  return crypto.subtle[how]({ name: 'AES-GCM', iv: new Uint8Array(12) }, own, data);
}

function through(data: string | ArrayBuffer, stream: CompressionStream | DecompressionStream): Response {
  return new Response(new Blob([data]).stream().pipeThrough(stream));
}

/** The ids of the entries of `ENCRYPTION_KEY`, as {@link sealerOf} tells them. */
export function sealersIn(keys: string): Promise<string[]> {
  return Promise.all(entriesOf(keys).map(keyId));
}

/** The id of the entry that sealed this value. */
export function sealerOf(sealed: string): string {
  return sealed.slice(0, sealed.indexOf('.'));
}

/** True when the first entry of `keys` sealed this value, so that nothing else is needed to open it. */
export async function isSealedByNewest(keys: string, sealed: string): Promise<boolean> {
  return sealed.startsWith(`${await keyId(entriesOf(keys)[0])}.`);
}

/** HMAC-SHA-256 of `text` under the newest of `keys`, base64url: for values we hand out and must know again. */
export async function mac(keys: string, text: string): Promise<string> {
  return macWith(await derive(entriesOf(keys)[0], 'mac'), text);
}

/** True when `tag` is the {@link mac} of `text` under any of `keys`. */
export async function verifyMac(keys: string, text: string, tag: string): Promise<boolean> {
  for (const entry of entriesOf(keys)) {
    if (equalSecrets(await macWith(await derive(entry, 'mac'), text), tag)) return true;
  }
  return false;
}

/** The key that a base64url `seed` is, for {@link macWith}. */
export function keyOfSeed(seed: string): Promise<CryptoKey> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', base64url.decode(seed), hmac, false, ['sign']);
}

/** HMAC-SHA-256 of `text` under a key of its own, base64url. */
export async function macWith(key: CryptoKey, text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(text))));
}
