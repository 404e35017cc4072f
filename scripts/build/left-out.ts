import { UnsupportedPathError } from 'hono/router';

/**
 * Stands in the deployed Worker for the router that hono tries first (wrangler.toml, `[alias]`): it cannot hold `/client/:id`
 * beside `/client/check`, and takes 8 ms to find that out.
 */
export class RegExpRouter {
  /** @throws UnsupportedPathError always: hono goes on to its next router, and that is the one for these routes. */
  add(): never {
    throw new UnsupportedPathError();
  }
}

/** In place of jose's algorithms of encryption (RFC 7518 §4): no key here is of one. What asks for one finds none. */
export const JWE: Readonly<Record<string, never>> = {};
export const jweAlgorithm = none;
export const jweEncryption = none;
export const isJWECEKTransport = none;

/** In place of what hono mounts other frameworks with. */
export const createMountedRequest = none;

function none(): never {
  throw new Error('this was left out of the Worker');
}
