import type { Context } from 'hono';
import { logAct } from '../audit';
import type { App } from '../config';
import { identityModes, standingOf } from '../identity';
import { countAttempt } from '../identity/attempts';
import { rememberedIdentity } from '../identity/browser';
import { browserSession } from '../identity/browser-session';
import { CHOOSE, EXPIRED, type Identity, type MustSignIn, type Proof } from '../identity/mode';
import { signedIn } from '../identity/signed-in';
import { identityOf, user } from '../identity/user';
import type { Params } from '../protocol/params';
import { hasProvider } from '../settings';
import { cut } from '../ui/name';
import { again, consentPath, type FlowStep, story } from './step';

/** Who this browser's person is: as signed in, else as remembered from an earlier consent; null when it does not know. */
export async function knownHere(c: Context<App>, { issuer, now }: FlowStep): Promise<Identity | null> {
  const session = await browserSession(c);
  const person = session?.user && (await recall(c, identityOf(session.user)));
  if (person) return person;
  const cookies = c.req.header('cookie');
  const proof = await rememberedIdentity(c.env.ENCRYPTION_KEY, issuer, cookies, session, now);
  return proof && recall(c, proof);
}

/** {@link Identity} of someone who was proved before, while they may still use this gateway. */
export async function recall(c: Context<App>, { subject, generation }: Proof): Promise<Identity | null> {
  const standing = await standingOf(c.env, c.var.settings, { subject, generation });
  return standing.is === 'valid' ? { subject, generation, name: standing.name } : null;
}

/** Settles who the person is: by what they typed, or as the one this browser remembers. */
export async function identify(c: Context<App>, step: FlowStep, form: URLSearchParams): Promise<Response> {
  const chosen = form.get('identity') ?? '';
  const mode = identityModes.get(chosen);
  if (!mode || mode.unavailable(c.var.settings) !== null) return again(c, step, { notice: CHOOSE });

  const fields = Object.fromEntries(form);
  if (form.get('remembered') === 'on' && !isTyped(fields)) {
    const identity = await knownHere(c, step);
    if (identity) return proved(c, step, identity);
    return again(c, step, { notice: EXPIRED });
  }
  if (mode.typed) await countAttempt(c, step.flowId, consentPath(step));
  const identity = await mode.identify(c.env, c.var.settings, fields);
  if (identity && 'mustSignIn' in identity) return signInFirst(c, step, identity, chosen);
  if (identity) return proved(c, step, identity);
  logAct(c, { act: 'identity.refused', ...story(step.flow), mode: mode.kind });
  return refused(c, step, chosen, mode.refusal);
}

/** On to the next step, where what this one refused before is no longer said. */
function proved(c: Context<App>, step: FlowStep, identity: Identity): Promise<Response> {
  return again(c, step, { identity, chosen: undefined });
}

/** Back to the ways in, also from a browser whose person was proved or is remembered, but meant another. */
function refused(c: Context<App>, step: FlowStep, chosen: string, notice: string): Promise<Response> {
  return again(c, step, { chosen, notice }, anotherPath(step));
}

const anotherPath = (step: FlowStep) => `${consentPath(step)}&use=another`;

/** True when something of any mode was typed: whatever the browser remembers, this is meant. */
function isTyped(fields: Params): boolean {
  return [...identityModes.values()].some(({ typed }) => typed && fields[typed.field]);
}

/** Sends the person to sign in and back to this flow. The owner of a key who is signed in already goes on at once. */
async function signInFirst(
  c: Context<App>,
  step: FlowStep,
  { mustSignIn: owner }: MustSignIn,
  chosen: string,
): Promise<Response> {
  const { now } = step;
  const person = (await browserSession(c))?.user;
  const identity = person && person.id === owner && (await recall(c, identityOf(person)));
  if (identity) return proved(c, step, identity);
  if (!hasProvider(c.var.settings)) {
    const notice = 'This key belongs to a person, and sign-in isn’t set up here. Use another key.';
    return refused(c, step, chosen, notice);
  }
  const to = `/oauth/sign-in?${new URLSearchParams({ return_to: consentPath(step) })}`;
  return again(c, step, { chosen, waiting: { owner, since: now } }, to);
}

/** Takes up what waited for a sign-in, once there was one; null when there is nothing to take up. */
export async function afterSignIn(c: Context<App>, step: FlowStep): Promise<Response | null> {
  const { waiting } = step.state;
  if (!waiting) return null;
  const session = await signedIn(c.env, step.issuer, c.req.header('cookie'), step.now);
  if (!session?.user || session.since < waiting.since) return null;
  if (waiting.owner === null || waiting.owner === session.user.id) {
    const identity = await recall(c, identityOf(session.user));
    return again(c, step, {
      waiting: undefined,
      ...(identity ? { identity, chosen: undefined } : { notice: user.words.lapsed }),
    });
  }
  const notice = `This key doesn’t belong to ${cut(session.user.name)}. Use another key, or sign in as its owner.`;
  return again(c, step, { waiting: undefined, notice }, anotherPath(step));
}
