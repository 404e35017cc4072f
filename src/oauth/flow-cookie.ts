import * as z from 'zod/mini';
import { sealedCookie } from '../crypto/sealed-cookie';
import { hashSecret, mac, verifyMac } from '../crypto/secrets';
import { STEP_LIFE } from '../flows';
import { isSubject, type Subject } from '../protocol/subject';

/** Stands for ticks that were not kept: none is ticked, and the person is told. */
export const NOT_KEPT = '?';

/**
 * What the steps of one browser flow have decided so far. It travels sealed in the flow's own cookie, set again at each
 * step, so it survives going back and belongs to one browser only (SECURITY 5).
 */
const FlowState = z.object({
  /** Proves that this browser began the flow; the flow keeps its hash. */
  secret: z.string(),
  /** When the last step was taken, epoch seconds. */
  at: z.number(),
  identity: z.optional(
    z.object({ subject: z.custom<Subject>(isSubject), generation: z.number(), name: z.string() }),
  ),
  /** How the person chose to identify themselves, as the form names it. */
  chosen: z.optional(z.string()),
  /** What goes on once someone has signed in after `since` (epoch seconds): this person, or, null, anyone. */
  waiting: z.optional(z.object({ owner: z.nullable(z.string()), since: z.number() })),
  /** What the last step must tell the person. */
  notice: z.optional(z.string()),
  /** Id of the server that is about; absent: the form. */
  noticeAt: z.optional(z.string()),
  /** Whose {@link choices} are kept: another identity chooses again. */
  choicesOf: z.optional(z.string()),
  /** What was chosen on a form that has to be shown again. The defaults are for flows that an earlier version began. */
  choices: z.optional(
    z.object({
      access: z._default(z.enum(['all', 'read', 'chosen']), 'chosen'),
      /** Of servers and their tools: `packChoice`. */
      ticks: z._default(z.string(), NOT_KEPT),
      readOnly: z.boolean(),
      expiresIn: z.number(),
    }),
  ),
});
export type FlowState = z.infer<typeof FlowState>;

/** One cookie a flow. */
const flowCookie = sealedCookie({ kind: 'flow', schema: FlowState, life: STEP_LIFE });
/** Bytes that a cookie may have, its name and attributes included. */
const COOKIE_LIMIT = 3600;
/** Flows one browser may have under way, the new one included. */
const MOST_FLOWS = 5;

/** The `Set-Cookie` value that keeps `state`. Ticks of thousands of tools may not fit: they are dropped, which lets in nothing. */
export async function writeFlowState(
  encryptionKey: string,
  issuer: string,
  flowId: string,
  state: FlowState,
): Promise<string> {
  const cookie = await flowCookie.write(encryptionKey, issuer, state, flowId);
  if (cookie.length <= COOKIE_LIMIT || !state.choices) return cookie;
  const choices = { ...state.choices, access: 'chosen', ticks: NOT_KEPT } as const;
  return flowCookie.write(encryptionKey, issuer, { ...state, choices }, flowId);
}

/** The state of a flow as this browser's cookie holds it, or null when the cookie is missing or not of our making. */
export async function readFlowState(
  encryptionKey: string,
  issuer: string,
  flowId: string,
  cookies: string | undefined,
): Promise<FlowState | null> {
  return flowCookie.read(encryptionKey, issuer, cookies, flowId);
}

/** The `Set-Cookie` values that end this browser's oldest flows, so that a new one fits beside the others. */
export async function dropOldFlows(
  encryptionKey: string,
  issuer: string,
  cookies: string | undefined,
): Promise<string[]> {
  const held = [...(await flowCookie.readAll(encryptionKey, issuer, cookies))];
  return held
    .map(([flowId, state]) => ({ flowId, at: state?.at ?? 0 }))
    .sort((a, b) => b.at - a.at)
    .filter(({ at }, place) => at === 0 || place >= MOST_FLOWS - 1)
    .map(({ flowId }) => flowCookie.end(issuer, flowId));
}

/** The unguessable value of a flow's form: bound to the flow, to this browser and to who it says the person is. */
export async function formValue(encryptionKey: string, flowId: string, state: FlowState): Promise<string> {
  return mac(encryptionKey, await formText(flowId, state));
}

/** True when `value` is the {@link formValue} of the form this browser was last shown. */
export async function verifyFormValue(
  encryptionKey: string,
  flowId: string,
  state: FlowState,
  value: string,
): Promise<boolean> {
  return verifyMac(encryptionKey, await formText(flowId, state), value);
}

async function formText(flowId: string, { secret, identity }: FlowState): Promise<string> {
  return `form ${flowId} ${await hashSecret(secret)} ${identity?.subject ?? ''}`;
}
