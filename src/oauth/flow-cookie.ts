import * as z from 'zod/mini';
import { sealedCookie } from '../crypto/sealed-cookie';
import { hashSecret, mac, verifyMac } from '../crypto/secrets';
import { STEP_LIFE } from '../flows';
import { isSubject, type Subject } from '../protocol/subject';

/** What fits nothing else of a union: as no names. */
const AsNone = z.pipe(
  z.unknown(),
  z.transform((): string[] => []),
);

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
      /** Names of servers, exposed names of tools. */
      unticked: z.object({
        servers: z.array(z.string()),
        tools: z.array(z.string()),
        resources: z._default(z.array(z.string()), []),
        prompts: z._default(z.array(z.string()), []),
      }),
      isNone: z._default(z.boolean(), true),
      opened: z._default(z.array(z.string()), []),
      reading: z._default(z.union([z.array(z.string()), AsNone]), []),
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
/** What a person must know when their ticks did not fit. */
const TOO_MUCH =
  'You chose more than we could keep, so no server is selected now. Choose again what the app can use.';
/** Flows one browser may have under way, the new one included. */
const MOST_FLOWS = 5;

/** The `Set-Cookie` value that keeps `state`; ticks that do not fit are dropped, which lets in nothing, and the page says so. */
export async function writeFlowState(
  encryptionKey: string,
  issuer: string,
  flowId: string,
  state: FlowState,
): Promise<string> {
  const { cookie } = await fitFlowState(encryptionKey, issuer, flowId, state);
  return cookie;
}

/** The same, and whether all of it is kept. */
export async function fitFlowState(
  encryptionKey: string,
  issuer: string,
  flowId: string,
  state: FlowState,
): Promise<{ cookie: string; isWhole: boolean }> {
  const cookie = await flowCookie.write(encryptionKey, issuer, state, flowId);
  if (cookie.length <= COOKIE_LIMIT || !state.choices) return { cookie, isWhole: true };
  const unticked = { servers: [], tools: [], resources: [], prompts: [] };
  const choices = { ...state.choices, unticked, isNone: true, opened: [], reading: [] };
  const notice = [state.notice, TOO_MUCH].filter(Boolean).join(' ');
  const less = await flowCookie.write(encryptionKey, issuer, { ...state, choices, notice }, flowId);
  return { cookie: less, isWhole: false };
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
