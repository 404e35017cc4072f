import { createExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../src/index';
import { McpCaller } from './support/caller';
import { gate, newKey } from './support/gate';
import { McpClient } from './support/mcp-client';
import { Upstream } from './support/upstream';

/** What `METRICS` was given: Miniflare's own dataset keeps nothing that could be asked for. */
let points: AnalyticsEngineDataPoint[] = [];
let writeDataPoint = (point: AnalyticsEngineDataPoint = {}) => void points.push(point);

/** The Worker with a dataset, for every actor of a test. */
beforeEach(() => {
  points = [];
  writeDataPoint = (point = {}) => void points.push(point);
  const METRICS = { writeDataPoint: (point?: AnalyticsEngineDataPoint) => writeDataPoint(point) };
  vi.spyOn(exports.default, 'fetch').mockImplementation(async (request) =>
    worker.fetch(request as Request, { ...env, METRICS }, createExecutionContext()),
  );
});
afterEach(() => vi.restoreAllMocks());

describe('a dataset that wrangler.toml binds as METRICS', () => {
  it.each(['2025', '2026'] as const)('gets a point for a tool call of a client of %s', async (era) => {
    const upstream = await Upstream.start(['echo']);

    await (await McpCaller.withKey(era)).call(`${upstream.name}-echo`);

    expect(points).toEqual([
      {
        indexes: [upstream.slug],
        blobs: ['call', upstream.slug, `${upstream.name}-echo`, 'answered', era],
        doubles: [expect.any(Number)],
      },
    ]);
  });

  it('says of a call that its server failed', async () => {
    const upstream = await Upstream.start(['echo']);
    const caller = await McpCaller.withKey();
    await upstream.behave({ fault: 500 });

    await caller.call(`${upstream.name}-echo`);

    expect(points.map(({ blobs }) => blobs?.[3])).toEqual(['failed']);
  });

  it('gets a point for what is refused, without a word of who asked', async () => {
    await new McpCaller({ authorization: 'Bearer a-secret-of-a-stranger' }).ask('tools/list');
    await gate('/api/config');
    await gate('/oauth2/authorize?client_id=a-secret-of-a-stranger', { headers: { accept: 'text/html' } });

    expect(points.map(({ indexes, blobs }) => [indexes?.[0], ...(blobs ?? [])])).toEqual([
      ['', 'refusal', '', expect.stringMatching(/^\/mcp/), expect.stringMatching(/^[a-z_]+$/), ''],
      ['', 'refusal', '', expect.stringMatching(/^\/api/), 'unauthorized', ''],
      ['', 'refusal', '', expect.stringMatching(/authorize/), '400', ''],
    ]);
  });

  it('gets a point for each answer with tokens', async () => {
    const client = await McpClient.register();
    const key = (await newKey()).value;
    const { refresh_token } = await client.obtainGrant({ key });
    await client.refresh(refresh_token);

    expect(points.map(({ blobs }) => blobs)).toEqual([
      ['token', '', 'authorization_code', 'issued', ''],
      ['token', '', 'refresh_token', 'issued', ''],
    ]);
    expect(JSON.stringify(points)).not.toContain(client.clientId);
  });

  it('keeps no request from its answer when it refuses a point', async () => {
    writeDataPoint = () => {
      throw new Error('too many data points');
    };

    const { status } = await new McpCaller({}).ask('tools/list');

    expect(status).toBe(401);
  });
});
