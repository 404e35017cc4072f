import { type Context, Hono } from 'hono';
import { isPersonal } from '../../../accounts/auth/index';
import { CredentialNeeded } from '../../../accounts/credential-needed';
import { audit } from '../../../audit';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { browserSession } from '../../../identity/browser-session';
import { subjectOf } from '../../../identity/signed-in';
import { runTool, type ToolDefinition, toolQuestion } from '../../../mcp-client/run-tool';
import type { JsonObject } from '../../../protocol/mcp';
import { UpstreamFailure } from '../../../servers/failure';
import { serverQuestion } from '../../../servers/find';
import type { Server } from '../../../servers/server';
import { Csrf } from '../../../ui/forms';
import { type FormFields, gone, noteAct, readForm } from '../api';
import { adminPage, csrfOf } from '../frame';
import { failureWords } from '../words/failures';
import { SchemaFields } from './schema-fields';
import { argumentsIn, fieldsOf } from './schema-form';
import { durationOf, ToolResult } from './tool-result';

const AT = '/admin/servers';

/** Characters of a description that are shown. */
const MOST_DESCRIPTION = 8_000;

/** Trying a tool: a form made from its schema, and what it answers. What is entered is kept nowhere, and in no log. */
export const tryToolPages = new Hono<App>()
  .get('/:id/try', async (c) => showTool(c, await toolAt(c)))
  .post('/:id/try', async (c) => {
    const form = await readForm(c);
    const found = await toolAt(c);
    const entered = argumentsIn(fieldsOf(found.tool.inputSchema), (name) => form.getAll(name));
    if (!entered.ok) return showTool(c, found, { form, errors: entered.errors });
    return showTool(c, found, { form, outcome: await run(c, found, entered.arguments) });
  });

type Found = { server: Server; tool: ToolDefinition };

/** The tool the address names. @throws PageProblem when there is none */
async function toolAt(c: Context<App>): Promise<Found> {
  const { DB: db } = c.env;
  const id = c.req.param('id') ?? '';
  const name = c.req.query('tool') ?? '';
  const [server, tool] = await ask(db, serverQuestion(db, id), toolQuestion(db, id, name));
  if (!server) throw gone('There is no server at this address.', { href: AT, label: 'To the servers' });
  if (!tool) {
    const way = { href: `${AT}/${id}`, label: 'To the server' };
    throw gone(`The server ${server.name} lists no such tool now.`, way);
  }
  return { server, tool };
}

/** What came of a try: the tool's result, or why there is none and what to do about it. */
type Outcome =
  | { kind: 'result'; result: JsonObject; ms: number }
  | { kind: 'refused'; message: string; ms: number }
  | { kind: 'failed'; message: string; ms: number | null; way?: { href: string; label: string } };

async function run(c: Context<App>, { server, tool }: Found, args: JsonObject): Promise<Outcome> {
  const server_page = { href: `${AT}/${server.id}`, label: 'To the server' };
  if (!server.enabled)
    return {
      kind: 'failed',
      ms: null,
      way: server_page,
      message: `${server.name} is turned off. Turn it on first.`,
    };
  if (!server.isVerified)
    return { kind: 'failed', ms: null, way: server_page, message: `Authorize ${server.name} first.` };

  const user = (await browserSession(c))?.user;
  const owner = user ? subjectOf(user) : null;
  const asker = { owner, sharer: null };
  audit(c, { act: 'server.tool_tried', server: server.id, tool: tool.name });
  noteAct(c, true);
  const startedAt = Date.now();
  try {
    const { settings, issuer } = c.var;
    const ran = await runTool(c.env, settings, issuer, { server, asker, tool, args });
    const ms = Date.now() - startedAt;
    return ran.ok
      ? { kind: 'result', result: ran.result, ms }
      : { kind: 'refused', message: ran.message, ms };
  } catch (error) {
    if (error instanceof CredentialNeeded) return needed(server, error);
    if (!(error instanceof UpstreamFailure)) throw error;
    return { kind: 'failed', message: failureWords(error.stated), ms: Date.now() - startedAt };
  }
}

/** Whose account is missing, and how it is connected. */
function needed({ name }: Server, { kind }: CredentialNeeded): Outcome {
  if (kind !== 'sign_in' && kind !== 'own_identity') {
    const way = { href: '/me', label: 'Connect your account' };
    return {
      kind: 'failed',
      ms: null,
      way,
      message: `At ${name} you act with an account of your own. Connect it first.`,
    };
  }
  const message = `At ${name} everybody acts as themselves, and the administrator token is nobody. Sign in as a person to try it.`;
  return { kind: 'failed', ms: null, message };
}

type Tried = { form: FormFields; errors?: ReadonlyMap<string, string>; outcome?: Outcome };

async function showTool(c: Context<App>, { server, tool }: Found, tried?: Tried): Promise<Response> {
  const fields = fieldsOf(tool.inputSchema);
  const errors = tried?.errors ?? new Map<string, string>();
  const { annotations } = tool;
  const body = (
    <>
      <div class="stack tight">
        <small>
          <a href={`${AT}/${server.id}`}>{server.name}</a>
        </small>
        <h1>
          Try <code>{tool.name}</code>
        </h1>
      </div>
      {tool.description && (
        <p class="described">
          {tool.description.slice(0, MOST_DESCRIPTION)}
          {tool.description.length > MOST_DESCRIPTION && '…'}
        </p>
      )}
      <p class={annotations.readOnlyHint === true ? 'muted' : 'notice'}>
        {annotations.readOnlyHint === true
          ? 'It only reads, as the server describes it.'
          : 'This really runs it, and may change something there.'}{' '}
        {isPersonal(server) ? 'It acts with your own account.' : ''}
      </p>
      {tried?.outcome && <Outcome outcome={tried.outcome} />}
      <form class="card stack wide" method="post" id="try">
        <Csrf value={await csrfOf(c)} />
        {fields.length ? (
          <SchemaFields fields={fields} sent={tried && ((name) => tried.form.getAll(name))} errors={errors} />
        ) : (
          <p class="muted">It takes no arguments.</p>
        )}
        <div class="actions">
          <button type="submit" class="button primary">
            {tried?.outcome ? 'Run it again' : 'Run it'}
          </button>
          <a class="button" href={`${AT}/${server.id}`}>
            Back
          </a>
        </div>
      </form>
    </>
  );
  const refusal = errors.size ? 'Not run yet: look at what is marked below.' : undefined;
  return adminPage(c, { title: 'Try a tool', at: AT, refusal, body });
}

function Outcome({ outcome }: { outcome: Outcome }) {
  if (outcome.kind === 'result') return <ToolResult result={outcome.result} ms={outcome.ms} />;
  const { message, ms } = outcome;
  const way = outcome.kind === 'failed' ? outcome.way : undefined;
  return (
    <div class="notice bad stack tight" role="alert">
      <p>
        {outcome.kind === 'refused' ? `The server refused to run it: ${message.slice(0, 2000)}` : message}
      </p>
      {ms !== null && <small>After {durationOf(ms)}.</small>}
      {way && (
        <p>
          <a href={way.href}>{way.label}</a>
        </p>
      )}
    </div>
  );
}
