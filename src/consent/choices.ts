import type { Context } from 'hono';
import type { App } from '../config';
import type { FlowState } from '../oauth/flow-cookie';
import type { Choice } from './choice';
import { packChoice, unpackChoice } from './kept-choice';
import { type UsableServer, usableServers } from './services';
import type { FlowStep } from './step';
import { readTicks, type Ticks } from './ticks';

/** How long access may be allowed for, in seconds; 0: until it is revoked. */
export const LENGTHS: ReadonlyMap<number, string> = new Map([
  [2_592_000, 'after 30 days'],
  [28_800, 'after 8 hours'],
  [0, 'when I revoke it'],
]);
export const PRESET_LENGTH = 2_592_000;

/** What a person chose on the form that asks what a client may use, and what of it is shown on the next. */
export type Choices = Pick<Ticks, 'servers'> & {
  readOnly: boolean;
  /** Seconds; null: none of those that were offered. */
  expiresIn: number | null;
  kept: NonNullable<FlowState['choices']>;
};

export async function readChoices(form: URLSearchParams, usable: readonly UsableServer[]): Promise<Choices> {
  const { servers, choice } = await readTicks(form, usable);
  const isBoxed = form.get('read_only') === 'on';
  const asked = form.get('expires_in') || String(PRESET_LENGTH); // 0, without an end, is never meant by an empty one
  const expiresIn = [...LENGTHS.keys()].find((seconds) => String(seconds) === asked) ?? null;
  const ticks = await packChoice(choice, usable);
  const kept = { access: choice.access, ticks, readOnly: isBoxed, expiresIn: expiresIn ?? PRESET_LENGTH };
  return { servers, readOnly: isBoxed || choice.access === 'read', expiresIn, kept };
}

/** What a form that is shown again says. */
export type KeptChoice = Choice & Pick<Choices['kept'], 'readOnly' | 'expiresIn'>;

/** What was kept, for the servers of now. `isWhole` false: of some nothing is ticked any more. */
export async function keptChoice(
  { access, ticks, readOnly, expiresIn }: Choices['kept'],
  usable: readonly UsableServer[],
): Promise<{ choice: KeptChoice; isWhole: boolean }> {
  const { choice, isWhole } = await unpackChoice(ticks, usable);
  return { choice: { ...choice, access, readOnly, expiresIn }, isWhole: isWhole || access !== 'chosen' };
}

/** What a form sent from consent chose, to be kept by `again` while its person is away connecting an account or signing in. */
export async function choicesToKeep(
  c: Context<App>,
  { state, flow }: FlowStep,
  form: URLSearchParams,
): Promise<FlowState['choices']> {
  if (!state.identity) return state.choices;
  const usable = await usableServers(c.env, c.var.settings, state.identity.subject, flow.request);
  return usable.length ? (await readChoices(form, usable)).kept : undefined;
}
