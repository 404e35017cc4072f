import { type Context, Hono } from 'hono';
import { ownAccountOf } from '../../../accounts/auth/index';
import { bindingCookies, newBrowserSecret } from '../../../accounts/authorization-browser';
import {
  type ServerOverview,
  serverListQuestion,
  serverOverviewQuestion,
  serverUseQuestion,
  toolNamesQuestion,
} from '../../../accounts/server-overview';
import { type App, gatewayOf } from '../../../config';
import { ask } from '../../../database';
import { serverQuestion } from '../../../servers/find';
import { findOAuthConfigOf } from '../../../servers/oauth-config-store';
import { stateOf } from '../../../servers/server';
import { storedWordsQuestion } from '../../../servers/words';
import { page, sendOn } from '../../../ui/layout';
import { Copy, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { ApiError } from '../../api/error';
import { begin, ourIssuer, registerAgain, serverAt } from '../../api/servers/authorization';
import { findServerAndShown } from '../../api/servers/shown';
import { act, type FormFields, gone, listPage, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { readingIn } from '../reading-boxes';
import { toolCount } from '../tool-picker';
import { refusalWords } from '../words/refusals';
import { isConnected, RegisterAgain, ServerAccount } from './account';
import { confirmPages } from './confirm';
import { DeleteServer } from './delete';
import { ServerForm } from './form';
import { Ask, LastFailure, ServerHead } from './head';
import { Instructions } from './instructions';
import { ServerList } from './list';
import { newServerPages } from './new';
import { bodyOf, termsOf } from './terms';
import { LeftOutList, RepairedList, ServerToolsPage, TOOLS_A_PAGE, ToolsTitle, toolsWanted } from './tools';
import { tryToolPages } from './try-tool';
import { authWord, SERVER_WORDS, savedWords } from './words';

const AT = '/admin/servers';

/** Servers, the API's "MCP clients": what they are, what they list, and the account they are asked with. */
export const serverPages = new Hono<App>()
  .get('/', async (c) => {
    const page = listPage(c);
    const [list] = await ask(c.env.DB, serverListQuestion(c.env.DB, page));
    const body = <ServerList {...list} page={page} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'Servers', at: AT, body });
  })

  .route('/', newServerPages)
  .route('/', tryToolPages)
  .route('/', confirmPages)

  .get('/:id', (c) => showServer(c, c.req.param('id')))
  .post('/:id/tools', async (c) => {
    const { DB: db } = c.env;
    const id = c.req.param('id');
    const form = await readForm(c);
    const [server, listed] = await ask(db, serverQuestion(db, id), toolNamesQuestion(db, id));
    if (!server) throw noServer();
    const tools_to_execute = toolsWanted(form, listed, server.toolsToExecute);
    const reading = readingIn(form, '', tools_to_execute.includes('*'));
    const changed = await act(c, form, 'PUT', `/mcp/client/${id}`, { tools_to_execute, ...reading });
    if (!changed.ok) return showServer(c, id, changed);
    const on = tools_to_execute.includes('*') ? 'All its tools' : `${tools_to_execute.length} of its tools`;
    const offset = form.get('offset') ?? '0';
    return goTo(
      c,
      offset === '0' ? `${AT}/${id}` : `${AT}/${id}?offset=${Number(offset)}`,
      `${on} may be used.`,
    );
  })
  .post('/:id/refresh', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const asked = await act<{ tool_count: number }>(c, form, 'POST', `/mcp/client/${id}/refresh-tools`);
    if (!asked.ok) return showServer(c, id, asked);
    return goTo(c, `${AT}/${id}`, `The server lists ${toolCount(asked.body.tool_count)}.`);
  })
  .post('/:id/turn', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const body = { enabled: form.get('on') === 'on' };
    const turned = await act(c, form, 'PUT', `/mcp/client/${id}`, body);
    if (!turned.ok) return showServer(c, id, turned);
    const said = body.enabled
      ? savedWords('The server was turned on', turned.asked)
      : 'The server was turned off.';
    return goTo(c, `${AT}/${id}`, said);
  })

  .post('/:id/authorize', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    return authorize(c, id, form);
  })
  .get('/:id/register-again', async (c) => {
    const { server, use } = await usedServer(c, c.req.param('id'));
    const { id, name } = server;
    const body = <RegisterAgain id={id} name={name} accounts={use.accounts} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'Register again', at: AT, body });
  })
  .post('/:id/register-again', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const [server, config] = await Promise.all([serverAt(c.env.DB, id), findOAuthConfigOf(c.env.DB, id)]);
    try {
      if (config) await registerAgain(c, server, config);
    } catch (error) {
      return showServer(c, id, refusedBy(error));
    }
    return authorize(c, id, form);
  })
  .get('/:id/back', (c) =>
    page(
      gatewayOf(c),
      'Back at the gateway',
      <div class="card stack" data-done>
        <h1>Back at the gateway</h1>
        <p class="muted">You can close this window. The page you came from says how the server stands.</p>
        <div class="actions">
          <a class="button primary" href={`${AT}/${c.req.param('id')}`}>
            To the server
          </a>
        </div>
      </div>,
    ),
  )

  .post('/:id/verify', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const server = await serverAt(c.env.DB, id);
    const values = server.perUserHeaderKeys.map((name, at) => [name, form.get(`value.${at}`) ?? '']);
    const body = { user_headers: Object.fromEntries(values) };
    const path = `/mcp/client/${id}/verify-headers`;
    const tried = await act<{ tools_count: number }>(c, form, 'POST', path, body, SERVER_WORDS);
    if (!tried.ok) return showServer(c, id, tried);
    const tools = toolCount(tried.body.tools_count);
    return goTo(c, `${AT}/${id}`, `The server takes these header values and lists ${tools}.`);
  })

  .get('/:id/settings', (c) => showSettings(c, c.req.param('id')))
  .post('/:id/settings', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const { authType } = await serverAt(c.env.DB, id);
    const body = bodyOf(form, authType, false);
    const changed = await act(c, form, 'PUT', `/mcp/client/${id}`, body, SERVER_WORDS);
    if (!changed.ok) return showSettings(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, savedWords('The server was changed', changed.asked));
  })

  .get('/:id/delete', async (c) => {
    const used = await usedServer(c, c.req.param('id'));
    const body = <DeleteServer {...used} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'Delete a server', at: AT, body });
  })
  .post('/:id/delete', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const { name } = await serverAt(c.env.DB, id);
    const deleted = await act(c, form, 'DELETE', `/mcp/client/${id}`);
    if (!deleted.ok) return goTo(c, `${AT}/${id}`, deleted.message);
    return goTo(c, AT, `The server ${name} was deleted, with its tools and the accounts connected there.`);
  });

const noServer = () => gone('There is no server at this address.', { href: AT, label: 'To the servers' });

async function usedServer(c: Context<App>, id: string) {
  const [used] = await ask(c.env.DB, serverUseQuestion(c.env.DB, id));
  if (!used) throw noServer();
  return used;
}

/** Sends this browser, and no other, to the provider of a server; it comes back to the server's page. */
async function authorize(c: Context<App>, id: string, form: FormFields): Promise<Response> {
  try {
    const server = await serverAt(c.env.DB, id);
    const { secret, browserHash } = await newBrowserSecret();
    const returnTo = form.get('popup') === 'on' ? `${AT}/${id}/back` : `${AT}/${id}`;
    const begun = await begin(c, server, { browserHash, returnTo });
    const cookies = bindingCookies(ourIssuer(c), c.req.header('cookie'), { id: begun.id, secret });
    return sendOn(begun.destination, cookies);
  } catch (error) {
    return showServer(c, id, refusedBy(error));
  }
}

/** What kept someone from being sent to a provider, to be shown. */
function refusedBy(error: unknown): Refused {
  if (!(error instanceof ApiError)) throw error;
  return { ok: false, status: 400, field: 'account', message: refusalWords(error.refusal, SERVER_WORDS) };
}

async function showServer(c: Context<App>, id: string, refused?: Refused): Promise<Response> {
  const { DB: db } = c.env;
  const { offset } = listPage(c);
  const [overview, words] = await ask(
    db,
    serverOverviewQuestion(db, id, { limit: TOOLS_A_PAGE, offset }),
    storedWordsQuestion(db, id),
  );
  if (!overview) throw noServer();
  const { server } = overview;
  const csrf = await csrfOf(c);
  const isDone = isConnected(overview);
  const isOfAccount = refused && /^(account|user_headers)/.test(refused.field);
  const account = server.enabled && (
    <ServerAccount overview={overview} csrf={csrf} refused={isOfAccount ? refused : undefined} />
  );
  const body = (
    <>
      <ServerHead server={{ ...server, state: stateOf(server) }} tab="tools" />
      {!server.enabled && <TurnedOff id={id} csrf={csrf} />}
      <LastFailure server={server} />
      {isDone ? null : account}
      <ServerFacts overview={overview} issuer={c.var.issuer} />
      {isDone ? account : null}
      <section class="stack" aria-labelledby="tools-title">
        <ToolsTitle overview={overview} csrf={csrf} />
        <ServerToolsPage overview={overview} offset={offset} csrf={csrf} />
        <Instructions server={server} words={words} />
        <LeftOutList leftOut={server.leftOut.filter(({ offered }) => !offered)} />
        <RepairedList repaired={server.leftOut.filter(({ offered }) => offered)} />
      </section>
    </>
  );
  return adminPage(c, { title: 'A server', at: AT, refusal: refused?.message, body });
}

function TurnedOff({ id, csrf }: { id: string; csrf: string }) {
  return (
    <div class="notice row spread">
      <span>It is turned off: nobody reaches it. What people connected there is kept.</span>
      <Ask action={`${AT}/${id}/turn`} csrf={csrf} label="Turn on" values={{ on: 'on' }} />
    </div>
  );
}

function ServerFacts({ overview, issuer }: { overview: ServerOverview; issuer: string | null }) {
  const { server, accounts } = overview;
  return (
    <dl class="facts">
      <dt>Address</dt>
      <dd class="mono">{server.connectionString}</dd>
      {server.connectionType === 'sse' && (
        <>
          <dt>Transport</dt>
          <dd>HTTP+SSE, the older one (MCP 2024-11-05)</dd>
        </>
      )}
      <dt>Who authenticates</dt>
      <dd>{authWord(server.authType)}</dd>
      {ownAccountOf(server) && (
        <>
          <dt>Accounts connected</dt>
          <dd>{accounts.toLocaleString('en')}</dd>
        </>
      )}
      <dt>Who may use it</dt>
      <dd>
        {server.allowOnAllVirtualKeys
          ? 'everybody who gets in'
          : 'whom you give it to: access keys, people, toolsets'}
      </dd>
      <dt>Added</dt>
      <dd>
        <When at={rfc3339(server.createdAt)} />
      </dd>
      {issuer && (
        <>
          <dt>On its own at</dt>
          <dd>
            <Copy text={`${issuer}/mcp/${server.endpointSlug}`} label="the address" />
          </dd>
        </>
      )}
    </dl>
  );
}

async function showSettings(
  c: Context<App>,
  id: string,
  sent?: FormFields,
  refused?: Refused,
): Promise<Response> {
  const found = await findServerAndShown(c, id);
  if (!found) throw noServer();
  const { server, shown } = found;
  const csrf = await csrfOf(c);
  const body = (
    <>
      <ServerHead server={{ ...server, state: stateOf(server) }} tab="settings" />
      <ServerForm
        form={sent ?? termsOf(shown)}
        csrf={csrf}
        authType={server.authType}
        refused={refused}
        back={`${AT}/${id}`}
      />
      <section class="stack apart">
        <h2>{server.enabled ? 'Turn it off, or end it' : 'End it'}</h2>
        <div class="row">
          {server.enabled && <Ask action={`${AT}/${id}/turn`} csrf={csrf} label="Turn off" />}
          <a class="button danger" href={`${AT}/${id}/delete`}>
            Delete
          </a>
        </div>
      </section>
    </>
  );
  return adminPage(c, { title: 'Settings of a server', at: AT, refusal: refused?.message, body });
}
