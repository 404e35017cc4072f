/**
 * Stands in the deployed Worker for parts of zod that its schemas bring along, used or not (wrangler.toml, `[alias]`): the way
 * to JSON Schemas, which only `npm run api` goes, and its own English words, which nobody reads (protocol/faults).
 */
export default (): object => ({});

function leftOut(): never {
  throw new Error('This Worker makes no JSON Schemas (wrangler.toml, [alias])');
}

export {
  leftOut as aggregateChecks,
  leftOut as createStandardJSONSchemaMethod,
  leftOut as createToJSONSchemaMethod,
  leftOut as toJSONSchema,
};
