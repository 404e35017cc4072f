import type { Sharer } from '../../accounts/connect';
import { refusalOf } from '../../mcp-client/questions/may-ask';
import { sealRelayed } from '../../mcp-client/questions/relayed-id';
import { sessionObjectOf } from '../../mcp-client/sessions/session-stub';
import { parseExact } from '../../protocol/json/exact';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { pause } from '../../protocol/patience';
import { failures } from '../../servers/failure';
import type { Call } from '../call';
import { failureText, insteadText } from '../flow/texts';
import type { Besides } from '../passing/passage';
import { type Brought, type InputRequired, readInput } from './input';

/** How often a server may want more before it finishes one request. */
const MOST_ROUNDS = 10;
/** What it may ask at once. */
const MOST_QUESTIONS = 32;
/** How long a person may think. Milliseconds: PROTOCOL §4. */
const MOST_ASKED = 300_000;
/** How long the object is asked at a time whether answers have come, and the pause after it failed. Milliseconds. */
const LISTEN = 20_000;
const PAUSE = 1_000;

/**
 * Asks a client of the 2025 era what a server of 2026-07-28 wants to know (PROTOCOL §4): as questions on the stream of its
 * request. Their answers come to any isolate, and reach this one through the object of the client session.
 */
export class Asking {
  private rounds = 0;

  constructor(
    private readonly call: Call,
    private readonly server: { id: string; name: string },
    /** Null: it can be asked nothing. */
    private readonly sharer: Sharer | null,
  ) {}

  /** What the client brings for `text`, or the text of the response that says why nothing comes. */
  async bring(text: string, beside: Besides, signal: AbortSignal): Promise<Brought | { text: string }> {
    const { call, server, sharer } = this;
    const required = readInput(text);
    if (!required) return { text: failureText(call, failures.notMcp(server.name)) };
    const { requests, state } = required;
    const why = this.refusal(required);
    if (why !== null) return { text: insteadText(call, why, 'input_required') };
    const requestState = state === null ? {} : { requestState: state };
    if (!requests.length || !sharer) {
      await pause(PAUSE); // it has only put off the rest
      return requestState;
    }
    const answers = await this.ask(sharer, requests, beside, signal);
    if (typeof answers === 'string') return { text: insteadText(call, answers, 'input_required') };
    return { inputResponses: answers, ...requestState };
  }

  /** Why the client is not asked; null: it is. */
  private refusal({ requests }: InputRequired): string | null {
    const { server, sharer } = this;
    if (++this.rounds > MOST_ROUNDS)
      return `The server ${server.name} asked ${MOST_ROUNDS} times for more and did not finish. The people who run it have to look.`;
    if (requests.length > MOST_QUESTIONS)
      return `The server ${server.name} asks for more at once than is passed on. The people who run it have to look.`;
    const undeclared = requests.find(({ method, params }) => refusalOf(sharer?.capabilities, method, params));
    return undeclared
      ? `The server ${server.name} asks for ${undeclared.method.slice(0, 200) || 'something'}, which this app did not say it can answer.`
      : null;
  }

  /** The responses by the server's names for them, or why there are none. */
  private async ask(
    sharer: Sharer,
    requests: InputRequired['requests'],
    beside: Besides,
    signal: AbortSignal,
  ): Promise<JsonObject | string> {
    const { server, call } = this;
    const keys = call.gate.env.ENCRYPTION_KEY;
    const ref = crypto.randomUUID();
    const sealed = (at: number) =>
      sealRelayed(keys, sharer.name, { kind: 'input', serverId: server.id, ref, id: at });
    const ids = await Promise.all(requests.map((_, at) => sealed(at)));
    for (const [at, request] of requests.entries()) beside.say(question(ids[at] as string, request), false);
    beside.asked();

    const answers = new Map<number, JsonObject>();
    for (const until = Date.now() + MOST_ASKED; answers.size < requests.length; ) {
      const left = until - Date.now();
      if (signal.aborted || left <= 0)
        return `What the server ${server.name} asked was not answered within ${MOST_ASKED / 60_000} minutes. Call again.`;
      const come = await sessionObjectOf(sharer)
        .then((object) => object.answersTo(ref, Math.min(left, LISTEN)))
        .catch(() => null);
      if (!come) await pause(PAUSE);
      for (const { at, text } of come ?? []) answers.set(at, parseExact(text) as JsonObject);
    }
    return this.responses(requests, answers);
  }

  private responses(
    requests: InputRequired['requests'],
    answers: ReadonlyMap<number, JsonObject>,
  ): JsonObject | string {
    const all: [string, JsonObject][] = [];
    for (const [at, { name, method }] of requests.entries()) {
      const { result, error } = answers.get(at) ?? {};
      // 2026-07-28 has no errors among responses: an elicitation that failed was put away.
      if (isObject(result)) all.push([name, result]);
      else if (method === 'elicitation/create') all.push([name, { action: 'cancel' }]);
      else return `This app could not answer ${method} for the server ${this.server.name}${wordsOf(error)}`;
    }
    return Object.fromEntries(all);
  }
}

/** A question as clients of the 2025 era read it: an address to open has an id there. */
function question(id: string, { method, params }: InputRequired['requests'][number]): string {
  const needsId = params.mode === 'url' && params.elicitationId === undefined;
  const asked = needsId ? { ...params, elicitationId: crypto.randomUUID() } : params;
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: asked });
}

function wordsOf(error: unknown): string {
  const said = isObject(error) && typeof error.message === 'string' ? error.message.slice(0, 200) : '';
  return said ? `: ${said}` : '.';
}
