// Words that read alike stand together: gzip finds again what is within 32 KiB alone, and the bundle is large.
import './providers/problem-words';
import './admin/pages/words/problems';
import './servers/failure-words';
import './admin/pages/words/failures';

import { answerAtMcp, app, mcpPlaceOf } from './app';
import type { Env } from './config';
import { inRequest } from './invocation';
import { sweep } from './sweeps';

export { ConnectionObject } from './accounts/connection-object';
export { KeyObject } from './governance/key-object';
export { GrantObject } from './grants/grant-object';
export { ServerObject } from './mcp-client/server-object';
export { SessionObject } from './mcp-client/sessions/session-object';
export { SubjectObject } from './mcp-client/sessions/subject-object';

export default {
  fetch(request: Request, env, ctx) {
    const place = mcpPlaceOf(request);
    return inRequest(request, () =>
      place ? answerAtMcp(request, env, place) : app.fetch(request, env, ctx),
    );
  },
  /** The hourly cron (wrangler.toml). */
  async scheduled({ scheduledTime }, env) {
    await sweep(env, Math.floor(scheduledTime / 1000));
  },
} satisfies ExportedHandler<Env>;
