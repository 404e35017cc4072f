import { env } from 'cloudflare:workers';
import { type Schema as JsonSchema, Validator } from '@cfworker/json-schema';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeAssets } from '../../src/admin/openapi/assets';
import type { Document, OperationObject, Schema } from '../../src/admin/openapi/document';
import { operations } from '../../src/admin/openapi/operations';
import { app } from '../../src/app';
import { gate } from '../support/gate';
import { calls } from './openapi-calls';

type Api = Document & { servers: { url: string }[] };
type Media = { schema?: Schema; example?: unknown };

let api: Api;
beforeAll(async () => {
  api = await (await gate('/api/openapi.json')).json();
});

/** Every operation of the served document, beside its method and path. */
function documented(): { key: string; operation: OperationObject }[] {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      key: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
}

/** What is wrong with `value`; empty: nothing. Members the schema does not name are wrong too. */
function faults(schema: Schema, value: unknown): string[] {
  const { schemas } = api.components;
  const root = { ...closed(schema), components: { schemas: closed(schemas) } } as JsonSchema;
  return new Validator(root, '2020-12', false)
    .validate(value)
    .errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

/** The same with every object closed whose members are named. */
function closed<T>(node: T): T {
  if (Array.isArray(node)) return node.map(closed) as T;
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => [key, closed(value)]);
  const isObject = 'properties' in node && !('additionalProperties' in node) && 'type' in node;
  return { ...Object.fromEntries(entries), ...(isObject && { additionalProperties: false }) };
}

describe('the API described (CONTRACT §8)', () => {
  it.each(Object.entries(makeAssets()))(
    'is what the sources say today: %s (npm run api)',
    async (name, made) => {
      const asset = await env.ASSETS.fetch(`https://assets.local/${name}`);

      expect(await asset.json()).toEqual(JSON.parse(JSON.stringify(made)));
    },
  );

  it('is public, cached for 300 s, and names where it is', async () => {
    const response = await gate('/api/openapi.json');

    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(api.servers).toEqual([{ url: 'https://gate.example' }]);
  });

  it('has the names of CONTRACT §8, with what is required of each', () => {
    const required = Object.fromEntries(
      Object.entries(api.components.schemas).map(([name, { required = [] }]) => [name, required]),
    );

    expect(required).toMatchObject({
      MCPAuthType: [],
      OAuthConfigRequest: [],
      OAuthFlowInitiation: [
        'status',
        'message',
        'oauth_config_id',
        'authorize_url',
        'expires_at',
        'mcp_client_id',
        'complete_url',
        'status_url',
        'next_steps',
      ],
      OAuthConfigStatus: ['id', 'status', 'created_at'],
      OAuthToken: ['id', 'token_type', 'expires_at', 'scopes', 'last_refreshed_at'],
      PerUserOAuthClientRegistrationRequest: ['redirect_uris'],
      PerUserOAuthTokenResponse: ['access_token', 'token_type', 'expires_in'],
    });
    expect(required.PerUserOAuthClientRegistrationResponse).toContain('client_id');
    expect(required.PerUserOAuthClientRegistrationResponse).not.toContain('client_secret');
    expect(required.ProtectedResourceMetadata).toContain('resource');
    expect(required.AuthorizationServerMetadata).toContain('issuer');
    expect(api.components.schemas.PerUserOAuthTokenResponse?.properties?.token_type?.enum).toEqual([
      'Bearer',
    ]);
    expect(api.components.schemas.MCPAuthType?.enum).toContain('per_user_oauth');
  });

  it('says of a request what its schema takes: bounds, defaults, lists in one parameter', () => {
    const { parameters = [] } = api.paths['/api/oauth2/sessions']?.get ?? {};
    const found = Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter]));

    expect(found.limit?.schema).toEqual({ type: 'integer', minimum: 1, maximum: 500, default: 50 });
    expect(found.bf_mode).toMatchObject({ schema: { type: 'array' }, explode: false, required: false });
    expect(api.components.schemas.PerUserOAuthClientRegistrationRequest?.properties?.scope).toMatchObject({
      default: 'mcp',
    });
  });

  it('refers only to what it holds, and names every operation once', () => {
    const refs = [...JSON.stringify(api).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)];
    const lost = refs.filter(
      ([, place = '', name = '']) => !(name in ((api.components as Record<string, object>)[place] ?? {})),
    );
    const ids = documented().map(({ operation }) => operation.operationId);

    expect(refs.length).toBeGreaterThan(100);
    expect(lost).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('has examples that its own schemas take, with no secret in them', () => {
    const wrong = documented().flatMap(({ key, operation }) => {
      const [{ schema, example } = {}] = Object.values(operation.requestBody?.content ?? {}) as Media[];
      return schema ? faults(schema, example).map((fault) => `${key} ${fault}`) : [];
    });

    expect(wrong).toEqual([]);
    expect(JSON.stringify(api)).not.toMatch(/sk-bf-[\w-]{8}|test-admin-token|eyJ/);
  });

  it('is held to strictly here: a member too many, too few, or of another type is a fault', () => {
    const schema: Schema = { $ref: '#/components/schemas/Refusal' };

    expect(faults(schema, { error: { type: 'x', message: 'y' } })).toEqual([]);
    expect(faults(schema, { error: { type: 'x', message: 'y', secret: 'z' } })).not.toEqual([]);
    expect(faults(schema, { error: { type: 'x' } })).not.toEqual([]);
    expect(faults(schema, { error: { type: 1, message: 'y' } })).not.toEqual([]);
  });

  it('describes every route of the Worker that is no page of its own', () => {
    const keys = documented().map(({ key }) => key.replaceAll(/\{\w+\}/g, '{}'));
    const missing = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !/^\/(admin|me|connect|waiting)?(\/|$)/.test(path))
      .map(({ method, path }) => `${method} ${path.replace(/(?<=.)\/$/, '')}`)
      .map((route) => route.replace(/\/:\w+\{\.\+\}\?$/, '').replaceAll(/:\w+/g, '{}'))
      .filter((route) => !keys.includes(route));

    expect(missing).toEqual([]);
    expect(keys).toContain('POST /mcp');
    expect(keys).toContain('POST /mcp/{}');
  });
});

describe('every operation that says it needs a credential', () => {
  it('refuses whoever brings none', async () => {
    const guarded = documented().filter(
      ({ operation: { security } }) =>
        security.length && security.every((needed) => Object.keys(needed).length),
    );
    const statuses = await Promise.all(
      guarded.map(async ({ key }) => {
        const [method = '', path = ''] = key.split(' ');
        const { status } = await gate(path.replaceAll(/\{\w+\}/g, 'any'), { method });
        return `${key} ${status}`;
      }),
    );

    expect(statuses.length).toBeGreaterThan(35);
    expect(statuses.filter((line) => !line.endsWith(' 401'))).toEqual([]);
  });
});

const uncalled = () => Promise.reject(new Error('this operation has no call in openapi-calls.ts'));

describe('every operation, called', () => {
  it('has a call here', () => {
    const ids = documented().map(({ operation }) => operation.operationId);

    expect(Object.keys(calls).sort()).toEqual(ids.sort());
  });

  it.each(Object.entries(operations).map(([key, { id }]) => [key, id]))(
    '%s answers as described',
    async (key, id) => {
      const operation = documented().find((documented) => documented.key === key)?.operation;

      const response = await (calls[id] ?? uncalled)(key.slice(key.indexOf('/')));
      const text = await response.text();
      const answer = operation?.responses[response.status];
      const content = answer && 'content' in answer ? answer.content : undefined;
      const type = response.headers.get('content-type') ?? '';
      const { schema } = Object.entries(content ?? {}).find(([name]) => name === type)?.[1] ?? {};

      expect(response.status, text).toBeLessThan(400);
      expect(Object.keys(operation?.responses ?? {})).toContain(String(response.status));
      if (!content) expect(text).toBe('');
      else expect(Object.keys(content)).toContain(type);
      if (type === 'application/json') expect(faults(schema as Schema, JSON.parse(text))).toEqual([]);
    },
  );

  it.each([
    ['api', 'GET', '/api/users', 401],
    ['api', 'GET', '/api/nothing-here', 401],
    ['oauth', 'POST', '/oauth2/token', 400],
    ['oauth', 'GET', '/.well-known/nothing-here', 404],
    ['rpc', 'POST', '/mcp', 401],
  ])('a refusal as %s: %s %s', async (style, method, path, status) => {
    const response = await gate(path, { method });
    const name = { api: 'Refusal', oauth: 'OAuthRefusal' }[style] ?? 'RpcRefusal';

    expect(response.status).toBe(status);
    expect(faults(api.components.schemas[name] as Schema, await response.json())).toEqual([]);
  });
});

describe('the pages that render it', () => {
  const NOUNS = Object.keys(makeAssets()['api-reference.json'].pages);
  const addressOf = (noun: string) => (noun ? `/api/docs?noun=${noun}` : '/api/docs');
  const idsIn = (html: string) => [...html.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id);
  const open = async (noun: string) => {
    const response = await gate(addressOf(noun));
    return { headers: response.headers, html: await response.text() };
  };

  it('show every operation and schema once, and need nothing from elsewhere', async () => {
    const pages = new Map<string, string>();
    for (const noun of NOUNS) {
      const { html, headers } = await open(noun);
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('cache-control')).toBe('public, max-age=300');
      expect(html).not.toMatch(/<script|<style| style=| on\w+=/);
      pages.set(addressOf(noun), html);
    }
    const targets = [...pages].flatMap(([page, html]) =>
      [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, target = '']) =>
        target.replace(/^#/, `${page}#`),
      ),
    );
    const lost = targets.filter((target) => {
      const [page = '', anchor] = target.split('#');
      return anchor !== undefined && !idsIn(pages.get(page) ?? '').includes(anchor);
    });

    expect(NOUNS).toHaveLength(13);
    expect(targets.filter((target) => !target.startsWith('/') || target.startsWith('//'))).toEqual([]);
    expect(lost).toEqual([]);
    const described = [...pages].filter(([page]) => page !== '/api/docs').flatMap(([, html]) => idsIn(html));
    const wanted = [
      ...documented().map(({ operation }) => operation.operationId),
      ...Object.keys(api.components.schemas).map((name) => `schema-${name}`),
    ];
    expect(described.filter((id) => id !== 'main').sort()).toEqual(wanted.sort());
  });

  it('begin with an overview, which says how to authenticate and leads on from every id there ever was', async () => {
    const { html } = await open('');
    const ids = idsIn(html);

    for (const name of Object.keys(api.components.securitySchemes))
      expect(ids).toContain(`credential-${name}`);
    for (const { operation } of documented()) {
      const id = operation.operationId;
      const noun = operation.tags[0]?.toLowerCase().replaceAll(' ', '-');
      expect(html).toMatch(new RegExp(`<li id="${id}">.*?href="/api/docs\\?noun=${noun}#${id}"`));
    }
    for (const name of Object.keys(api.components.schemas)) expect(ids).toContain(`schema-${name}`);
    for (const id of ['credentials', 'servers', 'access-keys', 'schemas']) expect(ids).toContain(id);
  });

  it('are the overview for a noun there is not', async () => {
    const { html } = await open('');

    for (const noun of ['nothing', 'constructor', '__proto__']) expect((await open(noun)).html).toBe(html);
  });
});
