import { connect } from '../accounts/connect';
import { CredentialNeeded } from '../accounts/credential-needed';
import { hashSecret } from '../crypto/secrets';
import { openRelayed, type Relayed } from '../mcp-client/questions/relayed-id';
import type { SessionName } from '../mcp-client/sessions/session';
import { respondIn, tellIn } from '../mcp-client/sessions/session-life';
import { sessionObjectOf } from '../mcp-client/sessions/session-stub';
import { type ClientAnswer, CODE, type JsonObject, RpcError } from '../protocol/mcp';
import { UpstreamFailure } from '../servers/failure';
import { askerOf, type Call } from './call';
import { withServersTask } from './tasks/task-ids';

/** What comes from a client besides its requests. */
type Coming = Omit<Call, 'request' | 'era'>;

/** A client answers what it was not asked, or not in this client session, or too late. The error has no id (PROTOCOL §4). */
export class NoQuestion extends RpcError {
  constructor() {
    super(400, CODE.invalidParams, 'This answers no question of this session.', { type: 'no_question' });
  }
}

/** Brings a client's answer to the server that asked, in the session it asked in (PROTOCOL §4). @throws NoQuestion */
export async function takeAnswer(coming: Coming, { id, ...answer }: ClientAnswer): Promise<void> {
  const question = await relayedBy(coming, id);
  if (question?.kind === 'input') return giveAnswer(coming, question, answer);
  if (question?.kind !== 'question') throw new NoQuestion();
  const told = await withServersTask(coming, answer);
  await inSessionOf(coming, question, (peer, session) => respondIn(peer, session, question.id, told));
}

/** Brings the answer to a question of `input_required` to the invocation that waits for it, wherever it runs. */
async function giveAnswer(
  coming: Coming,
  { ref, id }: Relayed,
  answer: Omit<ClientAnswer, 'id'>,
): Promise<void> {
  const { sharer } = askerOf(coming);
  if (sharer) await (await sessionObjectOf(sharer)).give(ref, Number(id), JSON.stringify(answer));
}

/** Brings a client's progress with a question to the server that asked; what belongs to none is dropped. */
export async function takeProgress(coming: Coming, params: JsonObject): Promise<void> {
  const token = await relayedBy(coming, params.progressToken);
  if (token?.kind !== 'token') return;
  const told = { ...params, progressToken: token.id };
  await inSessionOf(coming, token, (peer, session) =>
    tellIn(peer, session, { method: 'notifications/progress', params: told }),
  );
}

async function relayedBy(coming: Coming, value: unknown): Promise<Relayed | null> {
  const { sharer } = askerOf(coming);
  return sharer && openRelayed(coming.gate.env.ENCRYPTION_KEY, sharer.name, value);
}

/** The server that asked did not take the answer: it may be given again. */
class NotTaken extends RpcError {
  constructor(server: string) {
    super(
      503,
      CODE.internalError,
      `The server ${server} did not take this answer. Send it again in a moment.`,
    );
  }
}

/**
 * Does nothing more where the server was withdrawn, its session is over, or the answer was given before.
 * @throws NotTaken, or NoQuestion where no server waits for it any more
 */
async function inSessionOf(
  coming: Coming,
  relayed: Relayed,
  tell: (peer: Awaited<ReturnType<typeof connect>>, session: SessionName) => Promise<unknown>,
): Promise<void> {
  const { env, settings, issuer } = coming.gate;
  const asker = askerOf(coming);
  const entry = coming.entries.find(({ server }) => server.id === relayed.serverId);
  if (!entry || !asker.sharer) return;
  const object = await sessionObjectOf(asker.sharer);
  const name =
    relayed.kind === 'question' ? await hashSecret(JSON.stringify([relayed.ref, relayed.id])) : null;
  const session = await object.answering(relayed.ref, name);
  if (session === null || session === 'again') return;
  try {
    const peer = await connect(env, settings, issuer, entry.server, asker);
    if (peer.credentials.version !== session.credential) throw new NoQuestion(); // it is not theirs any more
    await tell(peer, session);
  } catch (error) {
    if (name !== null) await object.giveBack(name);
    if (error instanceof UpstreamFailure && error.stated.reason === 'not_found') throw new NoQuestion();
    if (error instanceof UpstreamFailure || error instanceof CredentialNeeded)
      throw new NotTaken(entry.server.name);
    throw error;
  }
}
