import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { audit, by } from '../../audit';
import { type App, forgetDeployment } from '../../config';
import { findVirtualKey, namesOfVirtualKeys } from '../../governance/virtual-keys';
import {
  attachKey,
  deleteVirtualMcp,
  detachKey,
  findVirtualMcp,
  insertVirtualMcp,
  keysOf,
  listVirtualMcps,
  type ServerTools,
  updateVirtualMcp,
  type VirtualMcp,
} from '../../governance/virtual-mcps';
import { SLUG } from '../../protocol/authorization';
import { because } from '../../protocol/faults/fault';
import { namesOfServers } from '../../servers/summaries';
import { listed, rfc3339 } from './answer';
import type { ShownVirtualMcp } from './answers/virtual-mcp';
import { type ApiError, refusal, unknown } from './error';
import { accept, Name, Page, readJson } from './request';
import { Tools } from './servers/tools';

const terms = z.object({
  name: Name,
  description: z.string().check(z.maxLength(2000)),
  enabled: z.boolean(),
  tools: Tools,
  virtual_key_ids: z.array(z.string()).check(z.maxLength(1000)),
});

/** A Virtual MCP as `POST /api/mcp/virtual-mcps` takes it. */
export const NewVirtualMcp = z.extend(z.required(z.partial(terms), { name: true, tools: true }), {
  endpoint_slug: z.optional(z.string().check(z.regex(SLUG, because('not_a_slug')))),
});

/** What may change of a Virtual MCP. Its address never does: one that is sent is ignored. */
export const VirtualMcpChange = z.partial(terms);

/** Virtual MCPs (CONTRACT §8), which people know as toolsets. */
export const virtualMcps = new Hono<App>()
  .get('/', async (c) => {
    const page = accept(Page, c.req.query());
    const { virtualMcps, total } = await listVirtualMcps(c.env.DB, page);
    const keys = await keysOf(
      c.env.DB,
      virtualMcps.map(({ id }) => id),
    );
    const rows = virtualMcps.map((virtualMcp) => shown(virtualMcp, keys.get(virtualMcp.id) ?? []));
    return c.json(listed('virtual_mcps', rows, total, page));
  })

  .post('/', async (c) => {
    const asked = accept(NewVirtualMcp, await readJson(c));
    await refuseUnknown(c.env.DB, asked.tools, asked.virtual_key_ids);
    const wanted = {
      name: asked.name,
      description: asked.description ?? '',
      enabled: asked.enabled ?? true,
      tools: asked.tools,
      virtualKeyIds: asked.virtual_key_ids ?? [],
    };
    const made = await insertVirtualMcp(c.env.DB, wanted, asked.endpoint_slug, Math.floor(Date.now() / 1000));
    if (made === 'name_taken') throw nameTaken(asked.name);
    if (made === 'slug_taken') {
      throw refusal('address_taken', {}, 'endpoint_slug');
    }
    forgetDeployment();
    audit(c, { act: 'virtual_mcp.created', virtual_mcp: made.id });
    return answer(c, `The toolset was made. Apps reach it at /mcp/${made.endpointSlug}.`, made);
  })

  .get('/:id', async (c) => {
    const virtualMcp = await virtualMcpAt(c, c.req.param('id'));
    return c.json({ virtual_mcp: await shownWithKeys(c, virtualMcp) });
  })

  .put('/:id', async (c) => {
    const { id, name } = await virtualMcpAt(c, c.req.param('id'));
    const asked = accept(VirtualMcpChange, await readJson(c));
    await refuseUnknown(c.env.DB, asked.tools, asked.virtual_key_ids);
    const change = {
      name: asked.name,
      description: asked.description,
      enabled: asked.enabled,
      tools: asked.tools,
      virtualKeyIds: asked.virtual_key_ids,
    };
    const changed = await updateVirtualMcp(c.env.DB, id, change, Math.floor(Date.now() / 1000));
    if (!changed) throw nameTaken(asked.name ?? name);
    forgetDeployment();
    audit(c, { act: 'virtual_mcp.changed', virtual_mcp: id });
    return answer(c, 'The toolset was changed.', changed);
  })

  .delete('/:id', async (c) => {
    const id = c.req.param('id');
    if (!(await deleteVirtualMcp(c.env.DB, id, by(c)))) throw unknown('virtual MCP');
    forgetDeployment();
    return c.json({ message: 'The toolset was deleted. Its address answers no more.' });
  })

  .post('/:id/virtual-keys/:keyId', async (c) => {
    const virtualMcp = await virtualMcpAt(c, c.req.param('id'));
    const key = await findVirtualKey(c.env.DB, c.req.param('keyId'));
    if (!key) throw unknown('virtual key');
    await attachKey(c.env.DB, virtualMcp.id, key.id);
    audit(c, { act: 'virtual_mcp.changed', virtual_mcp: virtualMcp.id });
    return answer(c, `The access key ${key.name} may use the toolset.`, virtualMcp);
  })

  .delete('/:id/virtual-keys/:keyId', async (c) => {
    const { id } = await virtualMcpAt(c, c.req.param('id'));
    if (!(await detachKey(c.env.DB, id, c.req.param('keyId')))) {
      throw refusal('key_without_toolset');
    }
    audit(c, { act: 'virtual_mcp.changed', virtual_mcp: id });
    return c.json({ message: 'The access key may no longer use the toolset.' });
  });

function nameTaken(name: string): ApiError {
  return refusal('name_taken', { noun: 'toolset', name }, 'name');
}

/** @throws ApiError 404 when there is none. */
async function virtualMcpAt(c: Context<App>, id: string): Promise<VirtualMcp> {
  const virtualMcp = await findVirtualMcp(c.env.DB, id);
  if (!virtualMcp) throw unknown('virtual MCP');
  return virtualMcp;
}

/** @throws ApiError at a server or key that is not there, or a server that is there twice. */
async function refuseUnknown(
  db: D1Database,
  tools: readonly ServerTools[] = [],
  keyIds: readonly string[] = [],
): Promise<void> {
  const servers = tools.length ? await namesOfServers(db) : new Map<string, string>();
  const seen = new Set<string>();
  for (const [at, { mcp_client_id }] of tools.entries()) {
    const field = `tools.${at}.mcp_client_id`;
    if (!servers.has(mcp_client_id)) throw refusal('unknown_server', {}, field);
    if (seen.has(mcp_client_id)) throw refusal('repeated_server', {}, field);
    seen.add(mcp_client_id);
  }
  const keys = keyIds.length ? await namesOfVirtualKeys(db, [...keyIds]) : new Map<string, string>();
  const missing = keyIds.findIndex((id) => !keys.has(id));
  if (missing === -1) return;
  const field = `virtual_key_ids.${missing}`;
  throw refusal('unknown_key', {}, field);
}

async function answer(c: Context<App>, message: string, virtualMcp: VirtualMcp): Promise<Response> {
  return c.json({ message, virtual_mcp: await shownWithKeys(c, virtualMcp) });
}

async function shownWithKeys(c: Context<App>, virtualMcp: VirtualMcp) {
  return shown(virtualMcp, (await keysOf(c.env.DB, [virtualMcp.id])).get(virtualMcp.id) ?? []);
}

function shown(virtualMcp: VirtualMcp, keyIds: string[]): z.infer<typeof ShownVirtualMcp> {
  return {
    id: virtualMcp.id,
    name: virtualMcp.name,
    endpoint_slug: virtualMcp.endpointSlug,
    description: virtualMcp.description,
    enabled: virtualMcp.enabled,
    tools: virtualMcp.tools,
    virtual_key_ids: keyIds,
    created_at: rfc3339(virtualMcp.createdAt),
    updated_at: rfc3339(virtualMcp.updatedAt),
  };
}
