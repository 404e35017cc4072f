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

/** In place of what hono mounts other frameworks with, and reads forms with: ours bound their bytes. */
export const createMountedRequest = none;
export const parseBody = none;

/**
 * In place of the elements that hono's JSX moves into a page's head or gives a function as their action: ours stand where they
 * belong, and are elements like any other.
 */
export const components_exports: Readonly<Record<string, never>> = Object.create(null);
export const domRenderers: Readonly<Record<string, never>> = {};

function none(): never {
  throw new Error('this was left out of the Worker');
}
