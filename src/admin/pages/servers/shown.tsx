import type { Context } from 'hono';
import { serverOverviewQuestion } from '../../../accounts/server-overview';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { clean } from '../../../servers/listed-item';
import { type Server, stateOf } from '../../../servers/server';
import { type StoredWords, storedWordsQuestion } from '../../../servers/words';
import { cut } from '../../../ui/name';
import { AuditLink, Badge, Copy, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { type FormFields, listPage, partAsked, type Refused } from '../api';
import { adminPage, csrfOf } from '../frame';
import { seenOf } from '../seen';
import { isConnected, ServerAccount } from './account';
import { noServer, ServerHead, ServerNotices } from './head';
import { NextSteps } from './next-steps';
import { ServerTools, TOOLS_A_PAGE, toolTerms } from './tools';
import { authWord } from './words';

const AT = '/admin/servers';

/** What a server lists, and how it stands. @param sent tools that were picked and are not saved yet */
export async function showServer(
  c: Context<App>,
  id: string,
  refused?: Refused,
  sent?: FormFields,
): Promise<Response> {
  const { DB: db } = c.env;
  const { settings, issuer } = c.var;
  const page = sent ? partAsked(Object.fromEntries(sent)) : listPage(c);
  const [overview, words] = await ask(
    db,
    serverOverviewQuestion(db, id, { ...page, limit: TOOLS_A_PAGE }),
    storedWordsQuestion(db, id),
  );
  if (!overview) throw noServer();
  const { server, use } = overview;
  const csrf = await csrfOf(c);
  const seen = await seenOf(toolTerms(server), sent);
  const isNew = c.req.query('added') !== undefined;
  const isOfAccount = refused && /^(account|user_headers)/.test(refused.field);
  const body = (
    <>
      <ServerHead server={{ ...server, state: stateOf(server) }} tab="tools" csrf={csrf} />
      <ServerNotices {...{ server, use, settings, csrf, isNew }} />
      <div class="cols">
        <div class="stack wide">
          {server.enabled && (isOfAccount || !isConnected(overview)) && (
            <ServerAccount overview={overview} csrf={csrf} refused={isOfAccount ? refused : undefined} />
          )}
          {isNew && <NextSteps overview={overview} />}
          <ServerTools {...{ overview, page, csrf, seen, sent }} />
          <Instructions server={server} words={words} />
        </div>
        <ServerFacts server={server} issuer={issuer} />
      </div>
    </>
  );
  return adminPage(c, { title: cut(server.name), at: AT, refusal: refused?.message, body });
}

function ServerFacts({ server, issuer }: { server: Server; issuer: string | null }) {
  return (
    <aside class="card stack">
      <h2>Address</h2>
      <dl class="facts">
        <dt>Server</dt>
        <dd class="mono small">{server.connectionString}</dd>
        {server.connectionType === 'sse' && (
          <>
            <dt>Transport</dt>
            <dd>HTTP+SSE, the older one (MCP 2024-11-05)</dd>
          </>
        )}
        <dt>Authentication</dt>
        <dd>{authWord(server.authType)}</dd>
        <dt>Added</dt>
        <dd>
          <When at={rfc3339(server.createdAt)} />
        </dd>
      </dl>
      <AuditLink of="server" id={server.id} />
      {issuer && (
        <>
          <h2>Connect to this server only</h2>
          <Copy text={`${issuer}/mcp/${server.endpointSlug}`} label="the address of this server" />
        </>
      )}
    </aside>
  );
}

/** Seconds for which a change of instructions is flagged. */
const NEWS = 604_800;

/** What a server tells models about itself. It reaches every app that may use the server, so a change is flagged. */
function Instructions({ server, words }: { server: Server; words: StoredWords | null }) {
  if (!words?.instructions) return null;
  const { instructions, changedAt } = words;
  const isNews = changedAt !== null && changedAt + NEWS > Date.now() / 1000;
  return (
    <details class="quiet">
      <summary>
        Its instructions to models {isNews && <Badge tone="warn">Changed</Badge>}
        {!server.passInstructions && <Badge tone="off">Not passed on</Badge>}
      </summary>
      <div class="stack tight">
        {changedAt !== null && (
          <p class="muted small">
            Changed <When at={rfc3339(changedAt)} />. Apps get the current ones.
          </p>
        )}
        <pre class="wrap">{clean(instructions)}</pre>
      </div>
    </details>
  );
}
