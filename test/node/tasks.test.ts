import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client as Client2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FieldGateway } from './support/field-gateway';

const EVERYTHING = join(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
);
const TOOL = 'everything-simulate-research-query';

let gateway: FieldGateway;
let stop: () => void;
let requestInit: { headers: Record<string, string> };

/** The official everything server, behind a gateway. */
beforeAll(async () => {
  const port = await freePort();
  const server = spawn(process.execPath, [EVERYTHING, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
  });
  stop = () => server.kill();
  server.stdout.resume();
  await once(server.stderr, 'data');
  server.stderr.resume();
  gateway = await FieldGateway.start();
  await gateway.add('everything', `http://127.0.0.1:${port}/mcp`);
  requestInit = { headers: await gateway.keyFor(['everything']) };
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  stop?.();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

describe('a task of the official everything server, through /mcp', () => {
  it('is followed by SDK 1.x, which is asked in the middle of it', { timeout: 30_000 }, async () => {
    const client = new Client1({ name: 'one', version: '1' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, async () => ({
      action: 'accept',
      content: { interpretation: 'technical' },
    }));
    await client.connect(new Transport1(new URL('/mcp', gateway.origin), { requestInit }));
    await client.listTools();

    const said: string[] = [];
    const params = { name: TOOL, arguments: { topic: 'mcp', ambiguous: true } };
    let taskId = '';
    for await (const message of client.experimental.tasks.callToolStream(params, CallToolResultSchema)) {
      said.push(message.type === 'taskStatus' ? message.task.status : message.type);
      if (message.type === 'taskCreated') taskId = message.task.taskId;
      if (message.type === 'taskStatus') expect(message.task.taskId).toBe(taskId);
      if (message.type === 'result') said.push(JSON.stringify(message.result));
      if (message.type === 'error') throw message.error;
    }
    await client.close();

    expect(said[0]).toBe('taskCreated');
    expect(said).toContain('working');
    expect(said).toContain('input_required');
    expect(said.at(-2)).toBe('result');
    expect(said.at(-1)).toContain('mcp (technical)');
    expect(said.at(-1)).toContain(taskId);
  });

  it('is waited for where SDK 2.x speaks 2026-07-28', { timeout: 30_000 }, async () => {
    const versionNegotiation = { mode: { pin: '2026-07-28' } } as const;
    const client = new Client2({ name: 'two', version: '1' }, { versionNegotiation });
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', gateway.origin), { requestInit }));

    const result = await client.callTool({ name: TOOL, arguments: { topic: 'mcp' } });
    await client.close();

    expect(JSON.stringify(result.content)).toContain('Research Report: mcp');
  });
});
