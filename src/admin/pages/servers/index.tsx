import { type Context, Hono } from 'hono';
import { bindingCookies, newBrowserSecret } from '../../../accounts/authorization-browser';
import { serverListQuestion, toolNamesQuestion } from '../../../accounts/server-overview';
import { type App, gatewayOf } from '../../../config';
import { ask } from '../../../database';
import { siteOf } from '../../../identity/browser-session';
import { Destination } from '../../../protocol/destination';
import { serverQuestion } from '../../../servers/find';
import { findOAuthConfigOf } from '../../../servers/oauth-config-store';
import { countOf } from '../../../ui/english';
import { page, sendOn } from '../../../ui/layout';
import { cut } from '../../../ui/name';
import { ApiError } from '../../api/error';
import { begin, ourIssuer, registerAgain, serverAt } from '../../api/servers/authorization';
import { act, type FormFields, listPage, noteAct, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { readingIn } from '../reading-boxes';
import { LIST_CHANGED, staleIn } from '../seen';
import { refusalWords } from '../words/refusals';
import { RegisterAgain } from './account';
import { serverAccountPages } from './accounts';
import { confirmPages } from './confirm';
import { noServer } from './head';
import { ServerList, serverFilter } from './list';
import { newServerPages } from './new';
import { serverSettingsPages, usedServer } from './settings';
import { showServer } from './shown';
import { toolsWanted, toolTerms } from './tools';
import { tryToolPages } from './try-tool';
import { usedByPages } from './used-by';
import { SERVER_WORDS, savedWords } from './words';

const AT = '/admin/servers';

/** Servers, the API's "MCP clients": what they are, what they list, and the account they are asked with. */
export const serverPages = new Hono<App>()
  .get('/', async (c) => {
    const page = listPage(c);
    const filter = serverFilter(c.req.query());
    const { state: standing, auth: authType, sort } = filter;
    const asked = serverListQuestion(c.env.DB, { ...page, standing, authType, sort });
    const [list] = await ask(c.env.DB, asked);
    const { settings } = c.var;
    const body = <ServerList {...list} {...{ filter, page, settings }} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: 'Servers', at: AT, body });
  })

  .route('/', newServerPages)
  .route('/', tryToolPages)
  .route('/', confirmPages)
  .route('/', usedByPages)
  .route('/', serverSettingsPages)
  .route('/', serverAccountPages)

  .get('/:id', (c) => showServer(c, c.req.param('id')))
  /** Where forms of a server's page are sent: someone who comes Back to an answer is shown the page. */
  .get('/:id/:form{tools|refresh|turn|authorize|verify|everyone}', (c) =>
    sendOn(Destination.own(siteOf(c), `${AT}/${c.req.param('id')}`), []),
  )
  .post('/:id/tools', async (c) => {
    const { DB: db } = c.env;
    const id = c.req.param('id');
    const form = await readForm(c);
    if (form.has('pick')) return showServer(c, id, undefined, form);
    const [server, listed] = await ask(db, serverQuestion(db, id), toolNamesQuestion(db, id));
    if (!server) throw noServer();
    if (await staleIn(form, toolTerms(server))) {
      noteAct(c, false);
      return goTo(c, `${AT}/${id}`, LIST_CHANGED, 'bad');
    }
    const tools_to_execute = toolsWanted(form, listed, server.toolsToExecute);
    const reading = readingIn(form, '', tools_to_execute.includes('*'));
    const changed = await act(c, form, 'PUT', `/mcp/client/${id}`, { tools_to_execute, ...reading });
    if (!changed.ok) return showServer(c, id, changed);
    const on = tools_to_execute.includes('*')
      ? 'All tools are'
      : `${countOf(tools_to_execute.length, 'tool')} ${tools_to_execute.length === 1 ? 'is' : 'are'}`;
    const part = ['search', 'offset'].map((name): [string, string] => [name, form.get(name) || '']);
    const query = new URLSearchParams(part.filter(([, value]) => value && value !== '0'));
    return goTo(c, `${AT}/${id}${query.size ? `?${query}` : ''}`, `${on} on.`);
  })
  .post('/:id/refresh', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const asked = await act<{ tool_count: number }>(c, form, 'POST', `/mcp/client/${id}/refresh-tools`);
    if (!asked.ok) return showServer(c, id, asked);
    return goTo(c, `${AT}/${id}`, `The server lists ${countOf(asked.body.tool_count, 'tool')}.`);
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
    return adminPage(c, { title: `${cut(name)} · Register again`, at: AT, isForm: true, body });
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
        <p class="muted">You can close this window and go on where you started.</p>
        <div class="actions">
          <a class="button primary" href={`${AT}/${c.req.param('id')}`}>
            Go to the server
          </a>
        </div>
      </div>,
    ),
  )

  .post('/:id/verify', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const server = await serverAt(c.env.DB, id);
    const values = server.perUserHeaderKeys.map((name, at) => [
      form.get(`header.${at}`) ?? name, // as it was shown: the order may be another by now
      form.get(`value.${at}`) ?? '',
    ]);
    const body = { user_headers: Object.fromEntries(values) };
    const path = `/mcp/client/${id}/verify-headers`;
    const tried = await act<{ tools_count: number }>(c, form, 'POST', path, body, SERVER_WORDS);
    if (!tried.ok) return showServer(c, id, tried);
    const tools = countOf(tried.body.tools_count, 'tool');
    const next = server.isVerified ? '/account' : '';
    return goTo(c, `${AT}/${id}${next}`, `Connected with your key. The server lists ${tools}.`);
  });

/** Sends this browser, and no other, to the provider of a server; it comes back to the server's page. */
async function authorize(c: Context<App>, id: string, form: FormFields): Promise<Response> {
  try {
    const server = await serverAt(c.env.DB, id);
    const { secret, browserHash } = await newBrowserSecret();
    const next = server.isVerified ? `${AT}/${id}/account` : `${AT}/${id}`;
    const returnTo = form.get('popup') === 'on' ? `${AT}/${id}/back` : next;
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
