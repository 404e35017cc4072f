import { type Context, Hono } from 'hono';
import { audit } from '../audit';
import { keepClientApart } from '../clients/store';
import { type App, withinLimit } from '../config';
import { equalSecrets, hashSecret, randomSecret } from '../crypto/secrets';
import { type Flow, findFlow, putCode, STEP_LIFE } from '../flows';
import type { Terms } from '../grants/grant-object';
import { askGrant, correctGrant, deleteGrant, grantObject, insertGrant } from '../grants/store';
import { type Identity, identityModes, type MustSignIn, type Proof, standingOf } from '../identity';
import { rememberedIdentity, rememberIdentity } from '../identity/browser';
import { signedIn } from '../identity/signed-in';
import { identityOf } from '../identity/user';
import { addressOf } from '../protocol/address';
import { authorizationResponse } from '../protocol/authorization';
import { OAuthError } from '../protocol/error';
import { isForeign } from '../protocol/own-origin';
import { readText } from '../protocol/params';
import { parseSubject } from '../protocol/subject';
import { hasProvider } from '../settings';
import { PageProblem, page } from '../ui/layout';
import { requireAllowedRedirect } from './allowed-redirect';
import { IdentityForm, LENGTHS, PRESET_LENGTH, ServicesForm } from './consent-forms';
import { type FlowState, formValue, readFlowState, verifyFormValue, writeFlowState } from './flow-cookie';
import { usableServers } from './services';
import { issuerOf, surface } from './surface';

/** A flow under way in the browser that began it. */
type Step = { flowId: string; flow: Flow; state: FlowState; issuer: string; now: number };

/** The consent page: who the person is, then what the client may use. Shown every time; approval is by POST only. */
export const consent = new Hono<App>()
  .use(surface)
  .get('/', async (c) => {
    const step = await takeUp(c, c.req.query('flow_id') ?? '');
    return (await afterSignIn(c, step)) ?? show(c, step, c.req.query('use') === 'another');
  })
  .post('/', async (c) => {
    refuseForeign(c);
    const form = new URLSearchParams((await readText(c.req.raw.body, 64 * 1024)) ?? '');
    const step = await takeUp(c, form.get('flow_id') ?? '');
    if (!(await verifyFormValue(c.env.ENCRYPTION_KEY, step.flowId, step.state, form.get('form') ?? ''))) {
      throw new PageProblem({
        status: 403,
        title: 'This form is out of date',
        text: 'Nothing was changed. Another tab or a later step took its place.',
        way: { href: consentUrl(step), label: 'Show the current form' },
      });
    }

    if (form.get('decision') === 'deny') return deny(c, step);
    if (form.get('step') === 'services' && step.state.identity) {
      if (form.get('decision') === 'allow') return allow(c, step, step.state.identity, form);
      return again(c, step, { notice: 'Choose Allow or Deny.' });
    }
    return identify(c, step, form);
  });

/** The step this browser is at. @throws PageProblem 410, 403 or 409 when there is none to take. */
async function takeUp(c: Context<App>, flowId: string): Promise<Step> {
  const issuer = issuerOf(c.var.issuer);
  const now = Math.floor(Date.now() / 1000);
  const flow = await findFlow(c.env.KV, flowId, now);
  if (!flow) throw tooLate('the app');
  c.set('grantId', flow.grantId);
  const state = await readFlowState(c.env.ENCRYPTION_KEY, issuer, flowId, c.req.header('cookie'));
  if (!state || !equalSecrets(flow.browserHash, await hashSecret(state.secret))) {
    if (now >= flow.createdAt + STEP_LIFE) throw tooLate(nameOf(flow));
    throw new PageProblem({
      status: 403,
      title: 'This page belongs to another browser',
      text: `A connection can only be approved in the browser it was begun in. To connect here, go back to ${nameOf(flow)} and connect again.`,
    });
  }
  if (now >= state.at + STEP_LIFE) throw tooLate(nameOf(flow));
  const answer = await askGrant(c.env.GRANTS, flow.grantId, (grant) => grant.answer());
  if (answer) throw answered(flow, answer);
  requireAllowedRedirect(c.var.settings, flow.request.redirectUri);
  return { flowId, flow, state, issuer, now };
}

function refuseForeign(c: Context<App>): void {
  if (!isForeign(c.req.raw.headers, issuerOf(c.var.issuer))) return;
  throw new PageProblem({
    status: 403,
    title: 'This form was sent from another site',
    text: 'Nothing was changed. Answer on the page that opened when you connected your app.',
  });
}

async function show(c: Context<App>, step: Step, another: boolean): Promise<Response> {
  const { flowId, flow, state, issuer } = step;
  const { settings } = c.var;
  const place = { displayName: settings.display_name, supportText: settings.support_text, issuer };
  const form = {
    flowId,
    value: await formValue(c.env.ENCRYPTION_KEY, flowId, state),
    notice: state.notice,
    chosen: state.chosen,
    flow,
    name: nameOf(flow),
  };
  const title = `${form.name} wants to connect`;

  if (state.identity && !another) {
    const servers = await usableServers(c.env, c.var.settings, state.identity.subject, flow.request);
    return page(
      place,
      title,
      <ServicesForm {...form} identity={state.identity} servers={servers} choices={state.choices} />,
    );
  }
  const remembered = another ? null : await knownHere(c, step);
  return page(place, title, <IdentityForm {...form} settings={settings} remembered={remembered} />);
}

/** Who this browser's person is: as remembered from an earlier consent, else as signed in; null when it does not know. */
async function knownHere(c: Context<App>, { issuer, now }: Step): Promise<Identity | null> {
  const cookies = c.req.header('cookie');
  const proof = await rememberedIdentity(c.env.ENCRYPTION_KEY, issuer, cookies, now);
  const remembered = proof && (await recall(c, proof));
  if (remembered) return remembered;
  const person = (await signedIn(c.env, issuer, cookies, now))?.user;
  return person ? recall(c, identityOf(person)) : null;
}

/** Someone who was proved before, when they still stand. */
async function recall(c: Context<App>, { subject, generation }: Proof): Promise<Identity | null> {
  const standing = await standingOf(c.env, c.var.settings, { subject, generation });
  return typeof standing === 'object' ? { subject, generation, name: standing.name } : null;
}

/** Settles who the person is: by what they typed, or as the one this browser remembers. */
async function identify(c: Context<App>, step: Step, form: URLSearchParams): Promise<Response> {
  const chosen = form.get('identity') ?? '';
  const mode = identityModes.get(chosen);
  if (!mode || mode.unavailable(c.var.settings) !== null)
    return again(c, step, { notice: 'Choose who you are.' });

  const fields = Object.fromEntries(form);
  if (form.get('remembered') === 'on' && !fields.virtual_key) {
    const identity = await knownHere(c, step);
    if (identity) return again(c, step, { identity });
    return again(c, step, { notice: 'You are no longer known here. Say who you are once more.' });
  }
  if (mode.isGuessable) await countAttempt(c, step.flowId);
  const identity = await mode.identify(c.env, fields);
  if (identity && 'mustSignIn' in identity) return signInFirst(c, step, identity, chosen);
  if (identity) return again(c, step, { identity });
  audit(c, { act: 'identity.refused', ...story(step.flow), mode: mode.kind });
  return again(c, step, { chosen, notice: mode.refusal });
}

/** Sends the person to sign in and back to this flow. The owner of a key who is signed in already goes on at once. */
async function signInFirst(
  c: Context<App>,
  step: Step,
  { mustSignIn: owner }: MustSignIn,
  chosen: string,
): Promise<Response> {
  const { issuer, now } = step;
  const person = owner && (await signedIn(c.env, issuer, c.req.header('cookie'), now))?.user;
  if (person && person.id === owner) return again(c, step, { identity: identityOf(person) });
  if (!hasProvider(c.var.settings)) {
    const notice = 'That access key belongs to a person, and nobody can sign in here. Use another one.';
    return again(c, step, { chosen, notice });
  }
  const returnTo = new URL(consentUrl(step));
  const to = `${issuer}/oauth/sign-in?${new URLSearchParams({ return_to: returnTo.pathname + returnTo.search })}`;
  return again(c, step, { chosen, waiting: { owner, since: now } }, to);
}

/** Takes up what waited for a sign-in, once there was one; null when there is nothing to take up. */
async function afterSignIn(c: Context<App>, step: Step): Promise<Response | null> {
  const { waiting } = step.state;
  if (!waiting) return null;
  const session = await signedIn(c.env, step.issuer, c.req.header('cookie'), step.now);
  if (!session?.user || session.since < waiting.since) return null;
  if (waiting.owner === null || waiting.owner === session.user.id) {
    return again(c, step, { waiting: undefined, identity: identityOf(session.user) });
  }
  const notice = `That access key belongs to somebody else than ${session.user.name}. Use another one, or sign in as its owner.`;
  return again(c, step, { waiting: undefined, notice });
}

async function countAttempt(c: Context<App>, flowId: string): Promise<void> {
  const within = await Promise.all([
    withinLimit(c.env, c.env.KEY_ATTEMPTS_PER_FLOW, flowId),
    withinLimit(c.env, c.env.KEY_ATTEMPTS_PER_ADDRESS, addressOf(c.req.raw)),
  ]);
  if (within.every(Boolean)) return;
  throw new PageProblem({
    status: 429,
    title: 'Too many attempts',
    text: 'Wait a minute, then go back and try again.',
    way: { href: `/oauth/consent?flow_id=${flowId}`, label: 'Back to the form' },
    retryAfter: 60,
  });
}

/** Ends a step: what it decided goes into the cookie, and the browser is shown the form that is next. */
async function again(
  c: Context<App>,
  step: Step,
  decided: Partial<FlowState>,
  to = consentUrl(step),
): Promise<Response> {
  const { notice: _, ...kept } = step.state;
  const state = { ...kept, ...decided, at: step.now };
  const cookie = await writeFlowState(c.env.ENCRYPTION_KEY, step.issuer, step.flowId, state);
  return seeOther(to, [cookie]);
}

async function deny(c: Context<App>, { flow, issuer }: Step): Promise<Response> {
  const grant = grantObject(c.env.GRANTS, flow.grantId);
  if (!(await grant?.refuse(flow.expiresAt))) throw answered(flow, (await grant?.answer()) ?? 'refused');
  audit(c, { act: 'consent.denied', ...story(flow) });
  const { redirectUri, state } = flow.request;
  const error = new OAuthError('access_denied', 'the person said no');
  return seeOther(authorizationResponse(redirectUri, state, issuer, error.toParameters()), []);
}

/** Opens the grant: index row, code, then the object, whose word decides (ARCHITECTURE, Where things are kept). */
async function allow(
  c: Context<App>,
  step: Step,
  identity: Identity,
  form: URLSearchParams,
): Promise<Response> {
  const { flow, issuer, now } = step;
  const { request, grantId } = flow;
  if (!(await recall(c, identity))) {
    return again(c, step, {
      identity: undefined,
      notice:
        parseSubject(identity.subject).kind === 'vk'
          ? 'That access key is no longer active here. Use another one.'
          : 'You are no longer known here. Say who you are once more.',
    });
  }

  const usable = await usableServers(c.env, c.var.settings, identity.subject, request);
  const ticked = new Set(form.getAll('server'));
  const servers = form.get('services') === 'shown' ? usable.filter(({ name }) => ticked.has(name)) : null;
  const readOnly = form.get('read_only') === 'on';
  const expiresIn = Number(form.get('expires_in') ?? PRESET_LENGTH);
  const unticked = usable.filter(({ name }) => !ticked.has(name)).map(({ name }) => name);
  const choices = { unticked, readOnly, expiresIn: LENGTHS.has(expiresIn) ? expiresIn : PRESET_LENGTH };
  if (servers && !servers.length) {
    return again(c, step, { choices, notice: 'Tick at least one server, or choose Deny.' });
  }
  if (!LENGTHS.has(expiresIn)) return again(c, step, { choices, notice: 'Choose how long to allow it.' });

  const scope = readOnly ? 'mcp:read' : request.scope;
  const expiresAt = expiresIn ? now + expiresIn : null;
  const row = {
    grantId,
    clientId: request.clientId,
    clientName: nameOf(flow),
    subject: identity.subject,
    generation: identity.generation,
    scope,
    resource: request.resource,
    servers: servers?.map(({ id }) => id) ?? null,
    readOnly,
    redirectHost: hostOf(flow),
    ...browserOf(c.req.raw),
    createdAt: now,
    expiresAt,
  };
  const code = `${grantId}.${randomSecret()}`;
  const { clientId, redirectUri, resource, codeChallenge } = request;
  const bound = { clientId, subject: identity.subject, redirectUri, resource, codeChallenge };
  const codeHash = await hashSecret(code);
  const codeExpiresAt = now + c.var.settings.oauth2_server_config.auth_code_ttl;
  const { generation } = identity;
  const lives = { codeExpiresAt, flowExpiresAt: flow.expiresAt, expiresAt };
  const terms: Terms = { ...bound, generation, scope, codeHash, ...lives };

  const [inserted] = await Promise.all([insertGrant(c.env.DB, row), keepClientApart(c.env.DB, clientId)]);
  await putCode(c.env.KV, codeHash, { ...bound, grantId, expiresAt: codeExpiresAt }, now);
  const grant = grantObject(c.env.GRANTS, grantId);
  if (!(await grant?.open(terms))) {
    const answer = (await grant?.answer()) ?? 'allowed';
    if (answer === 'refused') await deleteGrant(c.env.DB, grantId); // it never opened, so nothing else would
    throw answered(flow, answer);
  }
  if (!inserted) await correctGrant(c.env.DB, row);
  audit(c, { act: 'consent.allowed', ...story(flow), redirect_host: hostOf(flow), scope }, identity.subject);

  const cookie = await rememberIdentity(c.env.ENCRYPTION_KEY, issuer, identity, now);
  return seeOther(authorizationResponse(redirectUri, request.state, issuer, { code }), [cookie]);
}

function seeOther(location: string, cookies: string[]): Response {
  const headers = new Headers({ location, 'cache-control': 'no-store', 'referrer-policy': 'same-origin' });
  for (const cookie of cookies) headers.append('set-cookie', cookie);
  return new Response(null, { status: 303, headers });
}

function consentUrl({ issuer, flowId }: Step): string {
  return `${issuer}/oauth/consent?flow_id=${flowId}`;
}

/** How people see the client: by its own name, else by where it sends them back to. */
function nameOf(flow: Flow): string {
  return flow.clientName ?? `The app at ${hostOf(flow)}`;
}

/** Where a flow sends the person back to: a host, or a private-use scheme. */
function hostOf({ request }: Flow): string {
  const { host, protocol } = new URL(request.redirectUri);
  return host || protocol;
}

/** The browser that answers, as the list of grants describes it. */
function browserOf({ headers, cf }: Request): { userAgent: string | null; country: string | null } {
  const userAgent = headers
    .get('user-agent')
    ?.replace(/[^\x20-\x7e]/g, '')
    .slice(0, 300);
  return { userAgent: userAgent || null, country: typeof cf?.country === 'string' ? cf.country : null };
}

/** What every act of a flow is about. */
function story({ request, grantId }: Flow) {
  return { client_id: request.clientId, grant_id: grantId };
}

function tooLate(name: string): PageProblem {
  return new PageProblem({
    status: 410,
    title: 'This took too long',
    text: `Nothing was changed. Go back to ${name} and connect again.`,
  });
}

function answered(flow: Flow, answer: 'allowed' | 'refused'): PageProblem {
  const name = nameOf(flow);
  return new PageProblem({
    status: 409,
    calm: true,
    title: answer === 'allowed' ? `You have already allowed ${name}` : `You have already said no to ${name}`,
    text: `There is nothing left to do here: go back to ${name}, or close this page. If it is still waiting, connect again from there.`,
  });
}
