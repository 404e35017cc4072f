import type { Peer } from '../../accounts/connect';
import { CODE, isObject, type JsonObject, metaOf, RequestId, type RpcErrorObject } from '../../protocol/mcp';
import type { NamedSession } from '../sessions/session';
import { respondIn } from '../sessions/session-life';
import { refusalOf } from './may-ask';
import { MOST_ASKED, sealRelayed } from './relayed-id';

/** Questions that wait on one stream for as long as they may be answered: which of them are answered is not known here. */
const MOST = 256;
/** No id that a client gives back is longer: PROTOCOL §4. */
const MOST_ID = 4096;

/** Where a server says something beside its answers, and to whom. */
type Channel = {
  peer: Peer;
  session: NamedSession;
  /** What may be asked of the client by questions on its stream. */
  capabilities: JsonObject;
  /** The value of `ENCRYPTION_KEY`. */
  keys: string;
  /** Told when a question goes out: its person may take time. */
  asked(): void;
};

/**
 * Brings what a server of the 2025 era says beside its answers to the client it is for (PROTOCOL §4): a question goes out
 * under an id that leads its answer home from any isolate; what the client did not declare is refused at once.
 */
export class QuestionRelay {
  /** The ids of the questions that went out and since when, epoch milliseconds, by the server's own as JSON. */
  private readonly open = new Map<string, { ours: string; at: number }>();

  constructor(private readonly channel: Channel) {}

  /** What the client gets in place of a message; null: nothing. */
  async relay(message: JsonObject): Promise<JsonObject | null> {
    const { method, params } = message;
    if (typeof method !== 'string') return null;
    const id = RequestId.safeParse(message.id);
    if (id.success) return this.ask(id.data, method, isObject(params) ? params : {}, message);
    if (message.id !== undefined) return null; // no answer would find its way back
    if (method !== 'notifications/cancelled' || !isObject(params)) return message;
    const cancelled = RequestId.safeParse(params.requestId);
    const ours = cancelled.success ? this.open.get(JSON.stringify(cancelled.data))?.ours : undefined;
    return ours === undefined ? null : { ...message, params: { ...params, requestId: ours } };
  }

  private async ask(
    id: RequestId,
    method: string,
    params: JsonObject,
    message: JsonObject,
  ): Promise<JsonObject | null> {
    const { peer, session, asked } = this.channel;
    const refused = this.refusalOf(method, params);
    if (method === 'ping' || refused) {
      const answer = refused ? { error: refused } : { result: {} };
      await respondIn(peer, session, id, answer).catch(() => undefined);
      return null;
    }
    const ours = await this.sealed('question', id);
    if (ours.length > MOST_ID) {
      const error = { code: CODE.invalidRequest, message: 'The id of this question is too long.' };
      await respondIn(peer, session, id, { error }).catch(() => undefined);
      return null;
    }
    this.open.set(JSON.stringify(id), { ours, at: Date.now() });
    asked();
    const { progressToken } = metaOf(params);
    const token = RequestId.safeParse(progressToken);
    if (!token.success) return { ...message, id: ours };
    const _meta = { ...metaOf(params), progressToken: await this.sealed('token', token.data) };
    return { ...message, id: ours, params: { ...params, _meta } };
  }

  /** Refuses a question that was relayed, and could not be brought to the client. */
  async takeBack(message: JsonObject): Promise<void> {
    const { peer, session } = this.channel;
    const id = RequestId.safeParse(message.id);
    const error = {
      code: CODE.internalError,
      message: 'This is too long for the client, or it does not read.',
    };
    if (id.success) await respondIn(peer, session, id.data, { error }).catch(() => undefined);
  }

  /** Why the client is not asked; null: it may be. */
  private refusalOf(method: string, params: JsonObject): RpcErrorObject | null {
    if (method === 'ping') return null;
    const refusal = refusalOf(this.channel.capabilities, method, params);
    for (const [id, { at }] of this.open) {
      if (at + MOST_ASKED > Date.now()) break;
      this.open.delete(id);
    }
    if (refusal || this.open.size < MOST) return refusal;
    return { code: CODE.internalError, message: 'The client was asked too many questions.' };
  }

  private sealed(kind: 'question' | 'token', id: RequestId): Promise<string> {
    const { peer, session, keys } = this.channel;
    return sealRelayed(keys, peer.sharer?.name ?? '', {
      kind,
      serverId: peer.server.id,
      ref: session.ref,
      id,
    });
  }
}
