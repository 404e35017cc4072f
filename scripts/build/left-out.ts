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
