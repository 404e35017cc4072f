import { QuestionRelay } from '../../mcp-client/questions/relay';
import { isObject, type JsonObject } from '../../protocol/mcp';
import type { CatalogServer } from '../catalog';
import { isListChanged, UPDATED } from '../passing/server-messages';
import { listChanged } from '../refresh';
import { mayRead } from '../resources';
import type { Listener } from './judged';
import type { Heard } from './own-sessions';
import { addressAt } from './subscribed';

/** What a server says in a client's session that its client gets as it is. */
const PASSED = ['notifications/message', 'notifications/elicitation/complete'];

/**
 * Brings what servers say in the sessions of a client of the 2025 era to that client's own stream: questions, log messages, and
 * updates of the resources it subscribed to there (PROTOCOL §5). Nothing else.
 */
export class SessionRelay {
  /** Of the session at each server. */
  private readonly relays = new Map<string, { ref: string; relay: QuestionRelay }>();

  /** @param say sends on the text of a message */
  constructor(private readonly say: (message: string) => void) {}

  async relay(listener: Listener, { server, peer, session }: Heard, message: JsonObject): Promise<void> {
    const { method, params } = message;
    if (typeof method !== 'string') return;
    const entry = listener.entries.find((one) => one.server.id === server.id);
    if (!entry) return;
    if (isListChanged(method)) return listChanged(listener, server);
    if (method === UPDATED) return this.update(listener, entry, params);
    if (PASSED.includes(method)) return this.say(JSON.stringify(message));
    if (message.id === undefined && method !== 'notifications/cancelled') return;
    const keys = listener.gate.env.ENCRYPTION_KEY;
    const capabilities = peer.sharer?.capabilities ?? {};
    const known = this.relays.get(server.id);
    const relay =
      (known?.ref === session.ref && known.relay) ||
      new QuestionRelay({ peer, session, capabilities, keys, asked: () => undefined });
    this.relays.set(server.id, { ref: session.ref, relay });
    const told = await relay.relay(message);
    if (told) this.say(JSON.stringify(told));
  }

  private async update(listener: Listener, entry: CatalogServer, params: unknown): Promise<void> {
    if (!isObject(params) || typeof params.uri !== 'string') return;
    if (!(await mayRead(listener, entry, params.uri))) return;
    const told = { ...params, uri: addressAt(listener, entry.server, params.uri) };
    this.say(JSON.stringify({ jsonrpc: '2.0', method: UPDATED, params: told }));
  }
}
