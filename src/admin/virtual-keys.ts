import { Hono } from 'hono';
import * as z from 'zod';
import { audit } from '../audit';
import type { App } from '../config';
import {
  deleteVirtualKey,
  findVirtualKey,
  insertVirtualKey,
  listVirtualKeys,
  type McpConfig,
  updateVirtualKey,
  type VirtualKey,
} from '../governance/virtual-keys';
import { namesOfServers } from '../upstreams/summaries';
import { listed, rfc3339 } from './answer';
import { ApiError, unknown } from './error';
import { accept, Page, readJson } from './request';

const Value = z
  .string()
  .regex(
    /^sk-bf-[A-Za-z0-9._~-]+$/,
    'must begin with sk-bf- and go on with letters, digits, ".", "_", "~" or "-"',
  )
  .min(20, 'must be at least 20 characters')
  .max(200, 'must be at most 200 characters');

/** RFC 3339, to epoch seconds; `""` and null: never. What is in the past is only taken when it is already so. */
const expiry = (known: number | null) =>
  z.preprocess(
    (value) => (value === '' ? null : value),
    z.iso
      .datetime({ offset: true, error: 'must be a time as RFC 3339 writes it, such as 2027-01-31T12:00:00Z' })
      .transform((text) => Math.floor(Date.parse(text) / 1000))
      .refine((at) => at === known || at > Date.now() / 1000, 'must be in the future')
      .nullable(),
  );

const McpConfigs = z
  .array(
    z.object({
      mcp_client_name: z.string(),
      tools_to_execute: z.array(z.string().min(1).max(256)).max(1000).default([]),
    }),
  )
  .max(500);

/** What an administrator may say of a key. */
const terms = (expiresAt: number | null) =>
  z.object({
    name: z
      .string()
      .trim()
      .min(1, 'must not be empty')
      .max(200)
      .regex(/^\P{C}*$/u, 'must be plain characters'),
    description: z.string().max(2000),
    is_active: z.boolean(),
    expires_at: expiry(expiresAt),
    mcp_configs: McpConfigs,
  });

const NewKey = terms(null).partial().required({ name: true }).extend({ value: Value.optional() });

/** What may change of a key. Its value never does; as shown it may be sent back. */
const keyChange = (key: VirtualKey) =>
  terms(key.expiresAt)
    .extend({ value: z.literal(key.valueMask, 'never changes; make another key') })
    .partial();

/** Virtual keys (CONTRACT §8). Their values are shown whole once, by the answer that makes them. */
export const virtualKeys = new Hono<App>()
  .get('/', async (c) => {
    const page = accept(Page, c.req.query());
    const { keys, total } = await listVirtualKeys(c.env.DB, page);
    return c.json(listed('virtual_keys', keys.map(shown), total, page));
  })

  .post('/', async (c) => {
    const { name, description, is_active, expires_at, mcp_configs, value } = accept(
      NewKey,
      await readJson(c),
    );
    const mcpConfigs = await knownServers(c.env.DB, mcp_configs ?? []);
    const wanted = {
      name,
      description: description ?? '',
      isActive: is_active ?? true,
      expiresAt: expires_at ?? null,
      mcpConfigs,
    };
    const made = await insertVirtualKey(c.env.DB, wanted, value, Math.floor(Date.now() / 1000));
    if (made === 'name_taken') throw nameTaken(name);
    if (made === 'value_taken') throw new ApiError('conflict', 'Another key has this value.', 'value');
    audit(c, { act: 'virtual_key.created', virtual_key: made.key.id });
    return c.json({
      message: 'The key was made. Its value is shown only now.',
      virtual_key: { ...shown(made.key), value: made.value },
    });
  })

  .get('/:id', async (c) => {
    const key = await findVirtualKey(c.env.DB, c.req.param('id'));
    if (!key) throw unknown('virtual key');
    return c.json({ virtual_key: shown(key) });
  })

  .put('/:id', async (c) => {
    const key = await findVirtualKey(c.env.DB, c.req.param('id'));
    if (!key) throw unknown('virtual key');
    const { name, description, is_active, expires_at, mcp_configs } = accept(
      keyChange(key),
      await readJson(c),
    );
    const change = {
      name,
      description,
      isActive: is_active,
      expiresAt: expires_at,
      mcpConfigs: mcp_configs && (await knownServers(c.env.DB, mcp_configs)),
    };
    const changed = await updateVirtualKey(c.env.DB, key.id, change, Math.floor(Date.now() / 1000));
    if (!changed) throw nameTaken(name ?? key.name);
    audit(c, { act: 'virtual_key.changed', virtual_key: key.id });
    return c.json({ message: 'The key was changed.', virtual_key: shown(changed) });
  })

  .delete('/:id', async (c) => {
    const id = c.req.param('id');
    if (!(await deleteVirtualKey(c.env.DB, id))) throw unknown('virtual key');
    audit(c, { act: 'virtual_key.deleted', virtual_key: id });
    return c.json({ message: 'The key was deleted. What it gave access to is refused from now on.' });
  });

function nameTaken(name: string): ApiError {
  return new ApiError('conflict', `Another key is named ${name}.`, 'name');
}

/** The same list with every server's name as it is spelled. @throws ApiError at a server that is not there, or there twice. */
async function knownServers(db: D1Database, configs: McpConfig[]): Promise<McpConfig[]> {
  const servers = configs.length ? await namesOfServers(db) : new Map<string, string>();
  const names = new Map([...servers.values()].map((name) => [name.toLowerCase(), name]));
  const seen = new Set<string>();
  return configs.map((config, at) => {
    const name = names.get(config.mcp_client_name.toLowerCase());
    const field = `mcp_configs.${at}.mcp_client_name`;
    if (!name)
      throw new ApiError(
        'invalid_request',
        `${field}: there is no server named ${config.mcp_client_name}.`,
        field,
      );
    if (seen.has(name))
      throw new ApiError('invalid_request', `${field}: the server ${name} is named twice.`, field);
    seen.add(name);
    return { ...config, mcp_client_name: name };
  });
}

function shown(key: VirtualKey) {
  return {
    id: key.id,
    name: key.name,
    description: key.description,
    value: key.valueMask,
    is_active: key.isActive,
    expires_at: rfc3339(key.expiresAt),
    mcp_configs: key.mcpConfigs,
    created_at: rfc3339(key.createdAt),
    updated_at: rfc3339(key.updatedAt),
  };
}
