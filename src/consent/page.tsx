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
import { keptPages } from '../kept-pages';
import { log } from '../log';
import { formValue } from '../oauth/flow-cookie';
import { surface } from '../oauth/surface';
import { sendBack } from '../oauth/way-back';
import { authorizationResponse, covers } from '../protocol/authorization';
import { OAuthError } from '../protocol/error';
import { faultFacts } from '../protocol/faults/storage';
import { fragment, PageProblem, type Problem, page } from '../ui/layout';
import { cut } from '../ui/name';
import { dayOf } from '../ui/parts';
import { accountsAtConsent, saveTypedHeaders } from './accounts';
import { EVERYTHING } from './choice';
import { type Choices, choicesToKeep, keptChoice, readChoices } from './choices';
import { ToolList } from './chooser';
import { afterSignIn, identify, knownHere, recall } from './identity';
import { type FlowForm, IdentityForm } from './identity-form';
import { type UsableServer, usableServers } from './services';
import { ServicesForm } from './services-form';
import {
  again,
  answered,
  clientOf,
  consentPath,
  type FlowStep,
  hostOf,
  nameOf,
  story,
  takeUp,
  takeUpForm,
} from './step';
import { chosenWords, isNothing } from './ticks';

/** The consent page: who the person is, then what the client may use. Shown every time; approval is by POST only. */
export const consent = new Hono<App>()
  .use(surface)
  .use(keptPages())
  .get('/', async (c) => {
    const step = await takeUp(c, c.req.query('flow_id') ?? '');
    return (await afterSignIn(c, step)) ?? show(c, step, c.req.query('use') === 'another');
  })
  /** A server's tools, for the form to show once they are opened. Acts on nothing. */
  .get('/tools', async (c) => {
    const step = await takeUp(c, c.req.query('flow_id') ?? '');
    const { flow, state } = step;
    const servers = state.identity
      ? await usableServers(c.env, c.var.settings, state.identity.subject, flow.request)
      : [];
    const server = servers.find(({ name }) => name === c.req.query('server'));
    if (!server) throw new PageProblem(NO_SUCH_SERVER);
    const { unticked } = EVERYTHING;
    return fragment(
      gatewayOf(c),
      <ToolList server={server} unticked={unticked} action={`${consentPath(step)}#s-${server.id}`} />,
    );
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
  if (step.state.identity && !another) return showServices(c, step, step.state.identity);
  const form = await flowForm(c, step, true);
  const remembered = another ? null : await knownHere(c, step);
  const props = { ...form, settings: c.var.settings, remembered };
  return page(gatewayOf(c), `${cut(form.name)} wants to use your tools`, <IdentityForm {...props} />);
}

/** What a person must know when not all that they chose could be kept. */
const CHOOSE_AGAIN =
  'Some of what you chose couldn’t be kept, so it isn’t selected now. Check what the app can use.';

async function showServices(c: Context<App>, step: FlowStep, identity: Identity): Promise<Response> {
  const { choicesOf, noticeAt } = step.state;
  const servers = await usableServers(c.env, c.var.settings, identity.subject, step.flow.request);
  const kept = choicesOf === identity.subject ? step.state.choices : undefined;
  const { choice: choices, isWhole = true } = kept ? await keptChoice(kept, servers) : {};
  const accounts = await accountsAtConsent(c, identity.subject, servers);
  const form = await flowForm(c, step, false);
  const notice = [form.notice, isWhole ? '' : CHOOSE_AGAIN].filter(Boolean).join(' ') || undefined;
  const props = { ...form, notice, identity, servers, accounts, choices, noticeAt };
  const title = `What can ${cut(form.name)} use?`;
  return page(gatewayOf(c), title, <ServicesForm {...props} />, 200, { isBroad: true });
}

/** What the form of a step carries. With a proved identity, what was said last is of the services form, unless a way in was refused. */
async function flowForm(
  c: Context<App>,
  { flowId, flow, state }: FlowStep,
  isIdentity: boolean,
): Promise<FlowForm> {
  const value = await formValue(c.env.ENCRYPTION_KEY, flowId, state);
  const { chosen } = state;
  const isOfStep = isIdentity === (!state.identity || chosen !== undefined);
  return { flowId, value, notice: isOfStep ? state.notice : undefined, chosen, flow, name: nameOf(flow) };
}

async function deny(c: Context<App>, { flow, issuer }: FlowStep): Promise<Response> {
  const grant = grantObject(c.env.GRANTS, flow.grantId);
  if (!(await grant?.refuse(flow.expiresAt))) throw answered(flow, (await grant?.answer()) ?? 'refused');
  audit(c, { act: 'consent.denied', ...story(flow) });
  const { redirectUri, state } = flow.request;
  const error = new OAuthError('access_denied', 'the person said no');
  return sendBack(gatewayOf(c), {
    is: 'denied',
    client: clientOf(flow),
    destination: authorizationResponse(redirectUri, state, issuer, error.toParameters()),
    title: `You denied ${cut(nameOf(flow))}`,
    children: 'It can’t use your tools. You can close this tab.',
  });
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
      choices: await choicesToKeep(c, step, form),
      notice: modeOf(identity.subject)?.words.lapsed,
    });
  }
  const usable = await usableServers(c.env, c.var.settings, identity.subject, step.flow.request);
  const chosen = await readChoices(form, usable);
  const { saved, refused } = await saveTypedHeaders(c, identity, usable, form);
  const choices = chosen.kept;
  if (refused) return again(c, step, { choices, ...refused });
  if (form.get('decision') === 'allow') return allow(c, step, identity, usable, chosen);
  const isAnswer = saved > 0 || !form.has('decision');
  return again(c, step, { choices, ...(!isAnswer && { notice: 'Choose Allow or Deny.' }) });
}

/** Opens the grant: index row, code, then the object, whose word decides (ARCHITECTURE, Where things are kept). */
async function allow(
  c: Context<App>,
  step: FlowStep,
  identity: Identity,
  usable: readonly UsableServer[],
  { servers, readOnly, expiresIn, kept: choices }: Choices,
): Promise<Response> {
  const { flow, issuer, now } = step;
  const { request, grantId } = flow;
  const ask = (notice: string) => again(c, step, { choices, notice });
  if (servers && isNothing(servers)) {
    return ask(`Select at least one ${servers.length ? 'tool' : 'server'}, or deny the request.`);
  }
  if (expiresIn === null) return ask('Choose when access ends.');
  if (readOnly && !covers(request.scope, 'mcp:read')) {
    return ask(`${cut(nameOf(flow))} didn’t ask for read-only tools, so it can’t have only those.`);
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
    askedScope: request.scope,
    resource: request.resource,
    servers,
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
  const terms: GrantTerms = { ...bound, generation, scope, askedScope: request.scope, codeHash, ...lives };

  const { requestId: request_id } = c.var;
  const inserted = await insertGrant(c.env.DB, row);
  const kept = { ...bound, grantId, expiresAt: codeExpiresAt };
  await putCode(c.env.KV, codeHash, kept, now).catch((error: unknown) => {
    log('code.not_kept', { request_id, ...faultFacts(error) }); // the object knows it, too (SECURITY 23)
  });
  const grant = grantObject(c.env.GRANTS, grantId);
  if (!(await grant?.open(terms))) {
    const answer = (await grant?.answer()) ?? 'allowed';
    if (answer === 'refused') await deleteGrant(c.env.DB, grantId); // it never opened, so nothing else would
    throw answered(flow, answer);
  }
  if (!inserted) await correctGrant(c.env.DB, row);
  await recordAllowed(c.env.DB, clientId, now).catch((error: unknown) => {
    log('client.not_noted', { request_id, ...faultFacts(error) }); // its grant keeps it, too
  });
  const access = servers
    ? ({ access: 'chosen', servers: chosenWords(servers, usable) } as const)
    : ({ access: 'all' } as const);
  audit(
    c,
    { act: 'consent.allowed', ...story(flow), redirect_host: hostOf(flow), scope, ...access },
    identity.subject,
  );

  const cookie = await rememberIdentity(c.env.ENCRYPTION_KEY, issuer, identity, now);
  const until = expiresAt
    ? `until ${dayOf(new Date(expiresAt * 1000).toISOString())}`
    : 'until you revoke its access';
  return sendBack(gatewayOf(c), {
    is: 'allowed',
    client: clientOf(flow),
    destination: authorizationResponse(redirectUri, request.state, issuer, { code }),
    title: `${cut(nameOf(flow))} is connected`,
    children: `It can use ${servers ? 'the tools you chose' : readOnly ? 'your read-only tools' : 'all your tools'} ${until}. You can close this tab.`,
    cookies: [cookie],
  });
}

/** The browser that answers, as the list of grants describes it. */
function browserOf({ headers, cf }: Request): { userAgent: string | null; country: string | null } {
  const userAgent = headers
    .get('user-agent')
    ?.replace(/[^\x20-\x7e]/g, '')
    .slice(0, 300);
  return { userAgent: userAgent || null, country: typeof cf?.country === 'string' ? cf.country : null };
}

const NO_SUCH_SERVER: Problem = {
  status: 404,
  title: 'This server isn’t available to you',
  text: 'Go back to the page you came from and reload it.',
};
