import { afterEach, describe, expect, it } from 'vitest';
import { METHODS, type MethodHandler } from '../../src/mcp/dispatch';
import { McpCaller } from '../support/caller';
import { echo } from './examples/echo-method';

const ERAS = ['2025', '2026'] as const;
const METHOD = 'example/echo';
const UNKNOWN = { code: -32601, message: 'Method not found' };

/** The registry of an era, for the line that src/mcp/dispatch.ts would have. */
const methodsOf = (era: (typeof ERAS)[number]) => METHODS[era] as Map<string, MethodHandler>;

afterEach(() => {
  for (const era of ERAS) methodsOf(era).delete(METHOD);
});

describe('an MCP method is a handler and one line an era (CONTRIBUTING, Add a thing)', () => {
  it.each(ERAS)('is unknown without its line (era %s)', async (era) => {
    const caller = await McpCaller.withKey(era);

    expect((await caller.ask(METHOD, { text: 'hello' })).body.error).toMatchObject(UNKNOWN);
  });

  it.each(ERAS)(
    'is answered in its era, to whoever has a credential, and in no other (era %s)',
    async (era) => {
      methodsOf(era).set(METHOD, echo);
      const other = era === '2025' ? '2026' : '2025';

      const answered = await (await McpCaller.withKey(era)).ask(METHOD, { text: 'hello' });
      const elsewhere = await (await McpCaller.withKey(other)).ask(METHOD, { text: 'hello' });
      const stranger = await new McpCaller({}, era).ask(METHOD, { text: 'hello' });

      expect(answered.status).toBe(200);
      expect(answered.body.result).toMatchObject({ said: 'hello', by: expect.stringMatching(/^vk:/) });
      expect(answered.body.result?.resultType).toBe(era === '2026' ? 'complete' : undefined);
      expect(elsewhere.body.error).toMatchObject(UNKNOWN);
      expect(stranger.status).toBe(401);
    },
  );

  it.each(['constructor', '__proto__', 'toString'])('does not find %s', async (method) => {
    for (const era of ERAS) {
      expect((await (await McpCaller.withKey(era)).ask(method)).body.error).toMatchObject(UNKNOWN);
    }
  });
});
