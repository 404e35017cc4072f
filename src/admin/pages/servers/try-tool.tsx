import { type Context, Hono } from 'hono';
import type { Child } from 'hono/jsx';
import { isPersonal } from '../../../accounts/auth/index';
import { CredentialNeeded } from '../../../accounts/credential-needed';
import { audit } from '../../../audit';
import type { App } from '../../../config';
import { ask } from '../../../database';
import { browserSession } from '../../../identity/browser-session';
import { subjectOf } from '../../../identity/signed-in';
import { type RunPlace, runTool, type ToolDefinition, toolQuestion } from '../../../mcp-client/run-tool';
import type { JsonObject } from '../../../protocol/mcp';
import { UpstreamFailure } from '../../../servers/failure';
import { serverQuestion } from '../../../servers/find';
import type { Server } from '../../../servers/server';
import { Csrf } from '../../../ui/forms';
import { Cut, cut, Name } from '../../../ui/name';
import { Head, KindTag, Notice } from '../../../ui/parts';
import { type FormFields, gone, noteAct, readForm } from '../api';
import { adminPage, csrfOf } from '../frame';
import { failureWords } from '../words/failures';
import { noServer } from './head';
import {
  isUnanswerable,
  type OpenRun,
  openRun,
  Questions,
  RUN_FIELD,
  responsesIn,
  sealRun,
} from './questions';
import { SchemaFields } from './schema-fields';
import { argumentsIn, fieldsOf } from './schema-form';
import { durationOf, MEDIA_POLICY, ToolResult } from './tool-result';
import { kindOf } from './tools';

const AT = '/admin/servers';

/** Characters of a description that are shown. */
const MOST_DESCRIPTION = 8_000;

/** Trying a tool: a form made from its schema, and what it answers. Both are in no log, and kept nowhere but in a kept page. */
export const tryToolPages = new Hono<App>()
  .get('/:id/try', async (c) => showTool(c, await toolAt(c)))
  .post('/:id/try', async (c) => {
    const form = await readForm(c);
    const found = await toolAt(c);
    if (form.has(RUN_FIELD)) return goOn(c, found, form);
    const entered = argumentsIn(fieldsOf(found.tool.inputSchema), (name) => form.getAll(name));
    if (!entered.ok) return showTool(c, found, { form, errors: entered.errors });
    return showTool(c, found, { form, outcome: await run(c, found, { form, args: entered.arguments }) });
  });

/** Answers what a run asked. */
async function goOn(c: Context<App>, found: Found, form: FormFields): Promise<Response> {
  const open = await openRun(c.env.ENCRYPTION_KEY, await placeOf(c, found), form);
  if (!open) {
    const message = 'The tool waited too long for this answer. Run it again.';
    return showTool(c, found, { outcome: { kind: 'failed', message, ms: null } });
  }
  const answered = responsesIn(open, form);
  const { args, place } = open;
  const before: FormFields = new URLSearchParams(open.entered);
  if (!answered.ok) {
    const outcome = { kind: 'asks', run: open, sent: form, errors: answered.errors } as const;
    return showTool(c, found, { form: before, outcome });
  }
  const next = { place, responses: answered.responses };
  return showTool(c, found, {
    form: before,
    outcome: await run(c, found, { form: before, args, next }),
  });
}

/** Whose run of what: a form goes on with no other. */
async function placeOf(c: Context<App>, { server, tool }: Found): Promise<string> {
  const user = (await browserSession(c))?.user;
  return JSON.stringify([user ? subjectOf(user) : 'administrator', server.id, tool.name]);
}

type Found = { server: Server; tool: ToolDefinition };

/** The tool the address names. @throws PageProblem when there is none */
async function toolAt(c: Context<App>): Promise<Found> {
  const { DB: db } = c.env;
  const id = c.req.param('id') ?? '';
  const name = c.req.query('tool') ?? '';
  const [server, tool] = await ask(db, serverQuestion(db, id), toolQuestion(db, id, name));
  if (!server) throw noServer();
  if (!tool) {
    throw gone(`${server.name} no longer lists this tool.`, toServer(server));
  }
  return { server, tool };
}

const toServer = ({ id, name }: Server) => ({ href: `${AT}/${id}`, label: `Go to ${cut(name)}` });

/** What came of a try: the tool's result, what it asks, or why there is none and what to do about it. */
type Outcome =
  | { kind: 'result'; result: JsonObject; ms: number }
  | { kind: 'asks'; run: OpenRun; sent?: FormFields; errors?: ReadonlyMap<string, string> }
  | { kind: 'refused'; message: string; ms: number }
  | { kind: 'failed'; message: string; ms: number | null; way?: { href: string; label: string } };

type Next = { place: RunPlace; responses: JsonObject };

async function run(
  c: Context<App>,
  { server, tool }: Found,
  { form, args, next }: { form: FormFields; args: JsonObject; next?: Next },
): Promise<Outcome> {
  const unable = (message: string): Outcome => ({ kind: 'failed', ms: null, way: toServer(server), message });
  if (!server.enabled) return unable(`${server.name} is off. Turn it on first.`);
  if (!server.isVerified) return unable(`Finish the setup of ${server.name} first.`);

  const user = (await browserSession(c))?.user;
  const owner = user ? subjectOf(user) : null;
  if (!next) audit(c, { act: 'server.tool_tried', server: server.id, tool: tool.name });
  noteAct(c, true);
  const startedAt = Date.now();
  try {
    const { settings, issuer } = c.var;
    const ran = await runTool(c.env, settings, issuer, { server, owner, tool, args, ...(next && { next }) });
    const ms = Date.now() - startedAt;
    if (ran.kind !== 'asks') return { ...ran, ms };
    const { requests, place } = ran;
    const entered = [...form].filter(([name]) => /^arg\b/.test(name));
    return { kind: 'asks', run: { entered: `${new URLSearchParams(entered)}`, args, requests, place } };
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
    return { kind: 'failed', ms: null, way, message: `Connect your own account at ${name} first.` };
  }
  const message = `${name} acts for the person who signed in. You are signed in with the administrator token, so sign in as a person to try it.`;
  return { kind: 'failed', ms: null, message };
}

type Tried = { form?: FormFields; errors?: ReadonlyMap<string, string>; outcome?: Outcome };

async function showTool(c: Context<App>, found: Found, tried: Tried = {}): Promise<Response> {
  const { server, tool } = found;
  const { form, outcome } = tried;
  const fields = fieldsOf(tool.inputSchema);
  const errors = tried.errors ?? new Map<string, string>();
  const { name, description, annotations } = tool;
  const notes = notesOn(server, annotations);
  const csrf = await csrfOf(c);
  const body = (
    <>
      <Head
        crumbs={[
          { href: AT, text: 'Servers' },
          { href: `${AT}/${server.id}`, text: <Cut of={server.name} /> },
        ]}
        title={
          <code>
            <Name of={name} />
          </code>
        }
        badge={
          <KindTag
            of={kindOf({
              readOnly: annotations.readOnlyHint === true,
              destructive: annotations.destructiveHint === true,
            })}
          />
        }
      />
      {description && (
        <p class="described">
          {description.slice(0, MOST_DESCRIPTION)}
          {description.length > MOST_DESCRIPTION && '…'}
        </p>
      )}
      {notes.length > 0 && (
        <ul class="muted small">
          {notes.map((note) => (
            <li>{note}</li>
          ))}
        </ul>
      )}
      <form class="card stack wide" method="post" action="#result">
        <Csrf value={csrf} />
        {fields.length ? (
          <SchemaFields fields={fields} sent={form && ((name) => form.getAll(name))} errors={errors} />
        ) : (
          <p class="muted">This tool needs no input.</p>
        )}
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Running…">
            {outcome ? 'Run again' : 'Run'}
          </button>
        </div>
      </form>
      <section class={outcome ? 'card stack' : 'stack'} id="result" aria-label="Result">
        {outcome && (await shownOutcome(c, found, outcome, csrf))}
      </section>
    </>
  );
  const refusal = errors.size > 1 ? `Nothing was run. ${errors.size} values need a fix.` : undefined;
  const response = await adminPage(c, {
    ...{ title: `${cut(name)} · ${cut(server.name)}`, at: AT, isForm: true, refusal, body },
    ...(errors.size && { status: 400 }),
  });
  if (outcome?.kind === 'result') allowMedia(response);
  return response;
}

/** Lets a page show the pictures and sounds that stand in it (SECURITY 6). */
function allowMedia({ headers }: Response): void {
  const policy = headers.get('content-security-policy') ?? '';
  headers.set('content-security-policy', policy.replace("img-src 'self'", MEDIA_POLICY));
}

/** What to know before a tool is run, as its server says of it. */
function notesOn(server: Server, { readOnlyHint, idempotentHint, openWorldHint }: JsonObject): string[] {
  return [
    readOnlyHint !== true && 'This runs the tool for real and may change something.',
    readOnlyHint !== true &&
      idempotentHint === true &&
      'Running it again with the same input changes nothing more.',
    openWorldHint === true && 'It reaches systems outside the server.',
    openWorldHint === false && 'It works on the server’s own data.',
    isPersonal(server) && 'It uses your own account.',
  ].filter((note) => note !== false);
}

async function shownOutcome(c: Context<App>, found: Found, outcome: Outcome, csrf: string): Promise<Child> {
  if (outcome.kind === 'result') return <ToolResult result={outcome.result} ms={outcome.ms} />;
  if (outcome.kind === 'asks') {
    const { run, sent, errors = new Map() } = outcome;
    const { name } = found.server;
    const sealed = isUnanswerable(run)
      ? null
      : await sealRun(c.env.ENCRYPTION_KEY, await placeOf(c, found), run);
    if (sealed !== null) return <Questions server={name} {...{ run, sealed, csrf, sent, errors }} />;
    return <Notice bad>{cut(name)} asks something that can’t be answered on this page.</Notice>;
  }
  const { message, ms } = outcome;
  const way = outcome.kind === 'failed' ? outcome.way : undefined;
  const action = way && (
    <a class="button small" href={way.href}>
      {way.label}
    </a>
  );
  return (
    <Notice bad action={action}>
      {outcome.kind === 'refused' ? `The server refused to run it: ${message.slice(0, 2000)}` : message}
      {ms !== null && <small> After {durationOf(ms)}.</small>}
    </Notice>
  );
}
