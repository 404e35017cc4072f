import { UnsupportedPathError } from 'hono/router';

/**
 * Stands in the deployed Worker for parts of packages that come along, used or not (wrangler.toml, `[alias]`). Of zod: the
 * way to JSON Schemas, which only `npm run api` goes, and its own English words, which nobody reads (protocol/faults).
 */
export default (): object => ({ localeError: () => undefined });

function leftOut(): never {
  throw new Error('This Worker makes no JSON Schemas (wrangler.toml, [alias])');
}

export {
  leftOut as aggregateChecks,
  leftOut as createStandardJSONSchemaMethod,
  leftOut as createToJSONSchemaMethod,
  leftOut as toJSONSchema,
};

/** Of hono: the router it tries first. It cannot hold `/client/:id` beside `/client/check`, and takes 8 ms to find that out. */
export class RegExpRouter {
  /** @throws UnsupportedPathError always: hono goes on to its next router, and that is the one for these routes. */
  add(): never {
    throw new UnsupportedPathError();
  }
}
