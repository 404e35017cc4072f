import { makeAssets } from './assets';

/** The Worker that `npm run api` starts on the developer's machine, for its one answer. The gateway has no part of it. */
export default { fetch: () => Response.json(makeAssets()) };
