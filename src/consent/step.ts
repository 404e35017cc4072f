import type { Context } from 'hono';
import type { App } from '../config';
import { equalSecrets, hashSecret } from '../crypto/secrets';
import { type Flow, findFlow, STEP_LIFE } from '../flows';
import { askGrant } from '../grants/store';
import { requireAllowedRedirect } from '../oauth/allowed-redirect';
import { type FlowState, readFlowState, verifyFormValue, writeFlowState } from '../oauth/flow-cookie';
import { issuerOf } from '../oauth/surface';
import type { ShownClient } from '../oauth/way-back';
import { Destination } from '../protocol/destination';
import { isForeign } from '../protocol/own-origin';
import { formOf } from '../ui/fields';
import { PageProblem, sendOn } from '../ui/layout';
import { cut } from '../ui/name';

/** Bytes a form may have: a box for every tool of many servers. */
const MOST_FORM = 1_048_576;

/** A flow under way in the browser that began it. */
export type FlowStep = { flowId: string; flow: Flow; state: FlowState; issuer: string; now: number };

/** The step this browser is at. @throws PageProblem 410, 403 or 409 when there is none to take. */
export async function takeUp(c: Context<App>, flowId: string): Promise<FlowStep> {
  const issuer = issuerOf(c.var.issuer);
  const now = Math.floor(Date.now() / 1000);
  const flow = await findFlow(c.env.KV, c.env.ENCRYPTION_KEY, flowId, now);
  if (!flow) throw tooLate('the app');
  c.set('grantId', flow.grantId);
  const state = await readFlowState(c.env.ENCRYPTION_KEY, issuer, flowId, c.req.header('cookie'));
  if (!state || !equalSecrets(flow.browserHash, await hashSecret(state.secret))) {
    if (now >= flow.createdAt + STEP_LIFE) throw tooLate(cut(nameOf(flow)));
    throw new PageProblem({
      status: 403,
      title: 'Open this in the browser where you started',
      text: `You can only approve a connection there. To connect in this browser, go back to ${cut(nameOf(flow))} and connect again.`,
    });
  }
  if (state.identity) c.set('actor', state.identity.subject);
  if (now >= state.at + STEP_LIFE) throw tooLate(cut(nameOf(flow)));
  const answer = await askGrant(c.env.GRANTS, flow.grantId, (grant) => grant.answer());
  if (answer) throw answered(flow, answer);
  requireAllowedRedirect(c.var.settings, flow.request.redirectUri);
  return { flowId, flow, state, issuer, now };
}

/**
 * The step a form was sent for, by the browser it was shown to and from a page of this gateway.
 * @throws PageProblem as {@link takeUp}, and 403 for any other form.
 */
export async function takeUpForm(c: Context<App>): Promise<{ step: FlowStep; form: URLSearchParams }> {
  if (isForeign(c.req.raw.headers, issuerOf(c.var.issuer))) {
    throw new PageProblem({
      status: 403,
      title: 'This form was sent from another site',
      text: 'Nothing was changed. Answer on the page that opened when you connected your app.',
    });
  }
  const form = await formOf(c.req.raw, MOST_FORM);
  const step = await takeUp(c, form.get('flow_id') ?? '');
  if (!(await verifyFormValue(c.env.ENCRYPTION_KEY, step.flowId, step.state, form.get('form') ?? ''))) {
    throw new PageProblem({
      status: 403,
      title: 'This form is out of date',
      text: 'Nothing was changed. You continued in another tab, or this page is from an earlier step.',
      way: { href: consentPath(step), label: 'Show the current form' },
    });
  }
  return { step, form };
}

/** Ends a step: what it decided goes into the cookie, and the browser is shown the form that is next. */
export async function again(
  c: Context<App>,
  step: FlowStep,
  decided: Partial<FlowState>,
  to = consentPath(step),
): Promise<Response> {
  const state = nextState(step, decided);
  const cookie = await writeFlowState(c.env.ENCRYPTION_KEY, step.issuer, step.flowId, state);
  return sendOn(Destination.own(step.issuer, to), [cookie]);
}

/** The state of a flow once a step has decided something: what an earlier step had to say is over. */
function nextState({ state, now }: FlowStep, decided: Partial<FlowState>): FlowState {
  const { notice: _, noticeAt: __, ...kept } = state;
  const whose = decided.choices && { choicesOf: state.identity?.subject };
  return { ...kept, ...decided, ...whose, at: now };
}

/** The page of a flow, as a path. Its forms are sent there too, so that someone who comes Back to an answer is shown the page. */
export function consentPath({ flowId }: Pick<FlowStep, 'flowId'>): string {
  return `/oauth/consent?flow_id=${flowId}`;
}

/** How people see the client: by its own name, else by where it sends them back to. */
export function nameOf(flow: Flow): string {
  return flow.clientName ?? `The app at ${hostOf(flow)}`;
}

export function clientOf(flow: Flow): ShownClient {
  return { id: flow.request.clientId, name: nameOf(flow) };
}

/** Where a flow sends the person back to: a host, or a private-use scheme, of which what looks like a host is none. */
export function hostOf({ request }: Flow): string {
  const { host, protocol } = new URL(request.redirectUri);
  return /^https?:$/.test(protocol) ? host : protocol;
}

/** What every act of a flow is about. */
export function story({ request, grantId }: Flow) {
  return { client_id: request.clientId, grant_id: grantId };
}

function tooLate(name: string): PageProblem {
  return new PageProblem({
    status: 410,
    title: 'This request timed out',
    text: `Go back to ${name} and connect again.`,
  });
}

/** The page for a flow that has been answered: calm, for nothing went wrong. */
export function answered(flow: Flow, answer: 'allowed' | 'refused'): PageProblem {
  const name = cut(nameOf(flow));
  return new PageProblem({
    status: 409,
    calm: true,
    title: answer === 'allowed' ? `You already allowed ${name}` : `You denied ${name}`,
    text: `Go back to ${name}, or close this tab. If it’s still waiting, connect again from there.`,
    ...(answer === 'allowed' ? { way: { href: '/me', label: 'Your apps' } } : {}),
  });
}
