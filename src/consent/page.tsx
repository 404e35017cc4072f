import { type Context, Hono } from 'hono';
import { audit } from '../audit';
import { recordAllowed } from '../clients/store';
import { type App, gatewayOf } from '../config';
import { hashSecret, randomSecret, sealersIn } from '../crypto/secrets';
import { putCode } from '../flows';
import type { GrantTerms } from '../grants/grant';
import { correctGrant, deleteGrant, grantObject, insertGrant } from '../grants/store';
import { modeOf } from '../identity';
import { rememberIdentity } from '../identity/browser';
import type { Identity } from '../identity/mode';
import { formValue } from '../oauth/flow-cookie';
import { surface } from '../oauth/surface';
import { authorizationResponse, covers } from '../protocol/authorization';
import { OAuthError } from '../protocol/error';
import { page, sendOn } from '../ui/layout';
import { cut } from '../ui/name';
import { accountsAtConsent, saveTypedHeaders } from './accounts';
import { type Choices, readChoices } from './choices';
import { afterSignIn, identify, knownHere, recall } from './identity';
import { IdentityForm } from './identity-form';
import { usableServers } from './services';
import { ServicesForm } from './services-form';
import { again, answered, type FlowStep, hostOf, nameOf, story, takeUp, takeUpForm } from './step';
import { isNothing } from './ticks';

/** The consent page: who the person is, then what the client may use. Shown every time; approval is by POST only. */
export const consent = new Hono<App>()
  .use(surface)
  .get('/', async (c) => {
    const step = await takeUp(c, c.req.query('flow_id') ?? '');
    return (await afterSignIn(c, step)) ?? show(c, step, c.req.query('use') === 'another');
  })
  .post('/', async (c) => {
    const { step, form } = await takeUpForm(c);
    if (form.get('decision') === 'deny') return deny(c, step);
    if (form.get('step') === 'services' && step.state.identity) {
      return decide(c, step, step.state.identity, form);
    }
    return identify(c, step, form);
  });

async function show(c: Context<App>, step: FlowStep, another: boolean): Promise<Response> {
  const { flowId, flow, state } = step;
  const { settings } = c.var;
  const place = gatewayOf(c);
  const form = {
    flowId,
    value: await formValue(c.env.ENCRYPTION_KEY, flowId, state),
    notice: state.notice,
    chosen: state.chosen,
    flow,
    name: nameOf(flow),
  };
  const title = `${cut(form.name)} wants to connect`;

  if (state.identity && !another) {
    const servers = await usableServers(c.env, c.var.settings, state.identity.subject, flow.request);
    const { identity, choices, noticeAt } = state;
    const accounts = await accountsAtConsent(c, identity.subject, servers);
    const props = { ...form, identity, servers, accounts, choices, noticeAt };
    return page(place, title, <ServicesForm {...props} />);
  }
  const remembered = another ? null : await knownHere(c, step);
  return page(place, title, <IdentityForm {...form} settings={settings} remembered={remembered} />);
}

async function deny(c: Context<App>, { flow, issuer }: FlowStep): Promise<Response> {
  const grant = grantObject(c.env.GRANTS, flow.grantId);
  if (!(await grant?.refuse(flow.expiresAt))) throw answered(flow, (await grant?.answer()) ?? 'refused');
  audit(c, { act: 'consent.denied', ...story(flow) });
  const { redirectUri, state } = flow.request;
  const error = new OAuthError('access_denied', 'the person said no');
  return sendOn(authorizationResponse(redirectUri, state, issuer, error.toParameters()), []);
}

/** Takes what was typed and chosen on the services form: header values are kept before anything is allowed. */
async function decide(
  c: Context<App>,
  step: FlowStep,
  identity: Identity,
  form: URLSearchParams,
): Promise<Response> {
  if (!(await recall(c, identity))) {
    return again(c, step, {
      identity: undefined,
      notice: modeOf(identity.subject)?.words.lapsed,
    });
  }
  const usable = await usableServers(c.env, c.var.settings, identity.subject, step.flow.request);
  const chosen = await readChoices(form, usable);
  const { saved, refused } = await saveTypedHeaders(c, identity, usable, form);
  if (refused) return again(c, step, { choices: chosen.kept, ...refused });
  if (form.get('decision') === 'allow') return allow(c, step, identity, chosen);
  return again(c, step, { choices: chosen.kept, ...(saved ? {} : { notice: 'Choose Allow or Deny.' }) });
}

/** Opens the grant: index row, code, then the object, whose word decides (ARCHITECTURE, Where things are kept). */
async function allow(
  c: Context<App>,
  step: FlowStep,
  identity: Identity,
  { ticks, readOnly, expiresIn, kept: choices }: Choices,
): Promise<Response> {
  const { flow, issuer, now } = step;
  const { request, grantId } = flow;
  if (ticks && isNothing(ticks.servers)) {
    const one = ticks.servers.length ? 'one tool' : 'one server';
    return again(c, step, { choices, notice: `Tick at least ${one}, or choose Deny.` });
  }
  if (expiresIn === null) return again(c, step, { choices, notice: 'Choose how long to allow it.' });
  if (readOnly && !covers(request.scope, 'mcp:read')) {
    return again(c, step, {
      notice: `${cut(nameOf(flow))} did not ask for tools that read, so it cannot have only those.`,
    });
  }

  const scope = readOnly ? 'mcp:read' : request.scope;
  const expiresAt = expiresIn ? now + expiresIn : null;
  const [sealedBy = null] = await sealersIn(c.env.ENCRYPTION_KEY);
  const row = {
    grantId,
    clientId: request.clientId,
    clientName: nameOf(flow),
    subject: identity.subject,
    generation: identity.generation,
    scope,
    resource: request.resource,
    servers: ticks?.servers ?? null,
    readOnly,
    redirectHost: hostOf(flow),
    ...browserOf(c.req.raw),
    createdAt: now,
    expiresAt,
    sealedBy,
  };
  const code = `${grantId}.${randomSecret()}`;
  const { clientId, redirectUri, resource, codeChallenge } = request;
  const bound = { clientId, subject: identity.subject, redirectUri, resource, codeChallenge };
  const codeHash = await hashSecret(code);
  const codeExpiresAt = now + c.var.settings.oauth2_server_config.auth_code_ttl;
  const { generation } = identity;
  const lives = { codeExpiresAt, flowExpiresAt: flow.expiresAt, expiresAt };
  const terms: GrantTerms = { ...bound, generation, scope, codeHash, ...lives };

  const [inserted] = await Promise.all([insertGrant(c.env.DB, row), recordAllowed(c.env.DB, clientId, now)]);
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
  return sendOn(authorizationResponse(redirectUri, request.state, issuer, { code }), [cookie]);
}

/** The browser that answers, as the list of grants describes it. */
function browserOf({ headers, cf }: Request): { userAgent: string | null; country: string | null } {
  const userAgent = headers
    .get('user-agent')
    ?.replace(/[^\x20-\x7e]/g, '')
    .slice(0, 300);
  return { userAgent: userAgent || null, country: typeof cf?.country === 'string' ? cf.country : null };
}
