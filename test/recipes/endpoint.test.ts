import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { AREAS, type Area, createApp } from '../../src/app';
import type { App } from '../../src/config';
import { ISSUER } from '../support/gate';
import { clock } from './examples/clock-endpoint';

/** Asks a gateway that has one area more. */
async function ask(area: Area | null, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const ctx = createExecutionContext();
  const gateway = createApp(area ? [...AREAS, area] : AREAS);
  const response = await gateway.fetch(new Request(`${ISSUER}${path}`, { headers }), env, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

const BROWSER = { accept: 'text/html', origin: 'https://app.example' };
const line = (changes: Partial<Area>): Area => ({ at: '/clock', app: clock, speaks: 'oauth', ...changes });

/** What the answer to a failure is. */
async function formOf(response: Response): Promise<string> {
  const text = await response.text();
  if (response.headers.get('content-type')?.includes('text/html')) return 'page';
  const body = JSON.parse(text);
  if (body.jsonrpc) return 'rpc';
  return typeof body.error === 'string' && body.error_description ? 'oauth' : body.error.type && 'api';
}

describe('an endpoint is a Hono app and one line (CONTRIBUTING, Add a thing)', () => {
  it('answers at its path, with settings in effect', async () => {
    const answer = await ask(line({}), '/clock');

    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ now: '2026-01-01T00:00:00Z', at: 'Toolgate' });
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await ask(null, '/clock')).status).toBe(404);
  });

  it.each(['page', 'oauth', 'api', 'rpc'] as const)('fails as its line says: %s', async (speaks) => {
    const area = line({ speaks });
    const missing = await ask(area, '/clock/nowhere', BROWSER);
    const broken = await ask(area, '/clock/broken', BROWSER);
    const machine = await ask(area, '/clock/broken');

    expect([missing.status, broken.status, machine.status]).toEqual([404, 500, 500]);
    expect(await Promise.all([missing, broken, machine].map(formOf))).toEqual([speaks, speaks, speaks]);
    expect(await formOf(await ask(area, '/clocks', BROWSER))).toBe('page');
  });

  it('fails to a browser with a page and to a machine with JSON where its line says either', async () => {
    const area = line({ speaks: 'either' });

    expect(await formOf(await ask(area, '/clock/broken', BROWSER))).toBe('page');
    expect(await formOf(await ask(area, '/clock/broken'))).toBe('oauth');
  });

  it('answers scripts of other origins where its line says so, and nowhere else', async () => {
    const origins = async (area: Area) =>
      Promise.all(
        ['/clock', '/clock/broken'].map(async (path) =>
          (await ask(area, path, BROWSER)).headers.get('access-control-allow-origin'),
        ),
      );

    expect(await origins(line({ cors: true }))).toEqual(['*', '*']);
    expect(await origins(line({}))).toEqual([null, null]);
  });

  it('answers without settings where its line says early', async () => {
    const unset = { ...env, ADMIN_TOKEN: undefined as unknown as string };
    const statusOf = async (area: Area) => {
      const request = new Request(`${ISSUER}/clock/nowhere`);
      const response = await createApp([...AREAS, area]).fetch(request, unset, createExecutionContext());
      return response.status;
    };

    expect(await statusOf(line({}))).toBe(503);
    expect(
      await statusOf(line({ early: true, app: new Hono<App>().get('/nowhere', (c) => c.json({})) })),
    ).toBe(200);
  });
});

describe('the areas there are', () => {
  it.each([
    ['/nowhere', 'oauth', 'page'],
    ['/oauth2/nowhere', 'oauth', 'oauth'],
    ['/oauth2/token/nowhere', 'oauth', 'oauth'],
    ['/.well-known/nowhere', 'oauth', 'oauth'],
    ['/nowhere/.well-known/openid-configuration', 'oauth', 'oauth'],
    ['/mcp/nowhere/nowhere', 'rpc', 'rpc'],
    ['/api/oauth/per-user/nowhere', 'oauth', 'oauth'],
    ['/api/oauth/nowhere', 'api', 'api'],
    ['/register/nowhere', 'oauth', 'oauth'],
    ['/v1/models', 'oauth', 'oauth'],
    ['/connect/nowhere', 'page', 'page'],
    ['/me/nowhere', 'page', 'page'],
  ])('fail at %s as %s to a machine and %s to a browser', async (path, machine, browser) => {
    expect(await formOf(await ask(null, path))).toBe(machine);
    expect(await formOf(await ask(null, path, BROWSER))).toBe(browser);
  });
});
