import { Client as Client2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, it } from 'vitest';

type Message = { id?: string | number; method?: string; params?: Record<string, unknown> };

const QUESTION = {
  mode: 'url',
  message: 'Open the page.',
  url: 'https://gate.example/connect/a',
  elicitationId: 'a',
};
const DONE = { content: [{ type: 'text', text: 'ran' }] };

/** A gateway that wants an account connected before a tool runs, in the form of one era. */
class Gateway {
  onmessage?: (message: never) => void;
  onclose?: () => void;
  retried = false;

  async start() {}
  async close() {
    this.onclose?.();
  }
  async send({ id, method, params }: Message) {
    if (id === undefined) return;
    const answer = this.answer(method, params);
    queueMicrotask(() => this.onmessage?.({ jsonrpc: '2.0', id, ...answer } as never));
  }

  private answer(method: string | undefined, params: Message['params']): object {
    const serverInfo = { name: 'x', version: '1' };
    const capabilities = { tools: {} };
    const _meta = { 'io.modelcontextprotocol/serverInfo': serverInfo };
    if (method === 'initialize')
      return { result: { protocolVersion: '2025-11-25', capabilities, serverInfo } };
    if (method === 'server/discover') {
      const cached = { resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta };
      return { result: { supportedVersions: ['2026-07-28'], capabilities, ...cached } };
    }
    if (method !== 'tools/call') return { result: {} };
    if (
      params?._meta &&
      !params.inputResponses &&
      'io.modelcontextprotocol/protocolVersion' in (params._meta as object)
    ) {
      const inputRequests = { 'toolgate/connect': { method: 'elicitation/create', params: QUESTION } };
      return { result: { resultType: 'input_required', inputRequests, _meta } };
    }
    this.retried = Boolean(params?.inputResponses);
    if (this.retried) return { result: { ...DONE, resultType: 'complete', _meta } };
    return { error: { code: -32042, message: 'Connect', data: { elicitations: [QUESTION] } } };
  }
}

const capabilities = { elicitation: { url: {} } };

it('SDK 2 takes a question of 2026-07-28 with elicitationId, and sends the call again with its answer (CONTRACT §6)', async () => {
  const gateway = new Gateway();
  const asked: unknown[] = [];
  const client = new Client2(
    { name: 'x', version: '1' },
    { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params);
    return { action: 'accept' as const };
  });
  await client.connect(gateway as never);

  const result = await client.callTool({ name: 'whoami', arguments: {} });

  expect(asked).toMatchObject([{ url: QUESTION.url }]);
  expect(result.content).toEqual(DONE.content);
  expect(gateway.retried).toBe(true);
});

it('SDK 1 reads the id of the error −32042, and takes the same question as a request', async () => {
  const client = new Client1({ name: 'x', version: '1' }, { capabilities });
  await client.connect(new Gateway() as never);

  const error = await client.callTool({ name: 'whoami', arguments: {} }).catch((error: unknown) => error);

  expect(error).toMatchObject({ code: -32042, elicitations: [QUESTION] });
  expect(ElicitRequestSchema.parse({ method: 'elicitation/create', params: QUESTION }).params).toEqual(
    QUESTION,
  );
});
