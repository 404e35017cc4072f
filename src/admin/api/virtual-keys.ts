import { type Context, Hono } from 'hono';
import type * as z from 'zod/mini';
import { audit, by } from '../../audit';
import type { App } from '../../config';
import { ask } from '../../database';
import { keyPageQuestion } from '../../governance/key-list';
import { keyObject } from '../../governance/key-object';
import { findUser } from '../../governance/users';
import {
  findVirtualKey,
  insertVirtualKey,
  newValue,
  updateVirtualKey,
  type VirtualKey,
} from '../../governance/virtual-keys';
import { removeKey, rotateKey } from '../../removal/keys';
import { listed, rfc3339 } from './answer';
import type { ShownKey } from './answers/virtual-key';
import { type ApiError, refusal, unknown } from './error';
import { accept, readJson } from './request';
import { knownServers } from './servers/known';
import { KeyList, KeyRotation, keyChange, NewKey } from './virtual-key-terms';

/** Virtual keys (CONTRACT §8). Their values are shown whole once, by the answer that makes them. */
export const virtualKeys = new Hono<App>()
  .get('/', async (c) => {
    const { limit, offset, ...filter } = accept(KeyList, c.req.query());
    const page = { limit, offset };
    const now = Math.floor(Date.now() / 1000);
    const [{ keys, total }] = await ask(c.env.DB, keyPageQuestion(c.env.DB, filter, page, now));
    return c.json(listed('virtual_keys', keys.map(shown), total, page));
  })

  .post('/', async (c) => {
    const asked = accept(NewKey, await readJson(c));
    const wanted = {
      name: asked.name,
      description: asked.description ?? '',
      isActive: asked.is_active ?? true,
      expiresAt: asked.expires_at ?? null,
      deleteAfterExpire: asked.delete_after_expire ?? null,
      ownerUserId: asked.owner_user_id ?? null,
      shared: asked.shared ?? false,
      mcpConfigs: await knownServers(c.env.DB, asked.mcp_configs ?? []),
      limits: asked.limits ?? [],
    };
    refuseEndless(wanted);
    await refuseUnknownOwner(c.env.DB, wanted.ownerUserId);
    const given = asked.value ?? ofForm(c);
    const made = await insertVirtualKey(c.env.DB, wanted, given, Math.floor(Date.now() / 1000));
    if (made === 'name_taken') throw nameTaken(asked.name);
    if (made === 'value_taken') throw refusal('key_value_taken', {}, 'value');
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
    const asked = accept(keyChange(key), await readJson(c));
    const change = {
      name: asked.name,
      description: asked.description,
      isActive: asked.is_active,
      expiresAt: asked.expires_at,
      deleteAfterExpire: asked.delete_after_expire,
      ownerUserId: asked.owner_user_id,
      shared: asked.shared,
      mcpConfigs: asked.mcp_configs && (await knownServers(c.env.DB, asked.mcp_configs)),
      limits: asked.limits,
    };
    const { expiresAt = key.expiresAt, deleteAfterExpire = key.deleteAfterExpire } = change;
    refuseEndless({ expiresAt, deleteAfterExpire });
    if (change.ownerUserId !== key.ownerUserId) await refuseUnknownOwner(c.env.DB, change.ownerUserId);
    const changed = await updateVirtualKey(c.env.DB, key.id, change, Math.floor(Date.now() / 1000));
    if (!changed) throw nameTaken(asked.name ?? key.name);
    if (key.limits.length && !changed.limits.length) await keyObject(c.env.KEYS, key.id).forget();
    audit(c, { act: 'virtual_key.changed', virtual_key: key.id });
    return c.json({ message: 'The key was changed.', virtual_key: shown(changed) });
  })

  .post('/:id/rotate', async (c) => {
    const { reason } = accept(KeyRotation, await readJson(c));
    const isLeaked = reason === 'leaked';
    const cooldown = isLeaked ? 0 : c.var.settings.vk_rotation_cooldown;
    const previousUntil = cooldown ? Math.floor(Date.now() / 1000) + cooldown : null;
    const value = ofForm(c) ?? newValue();
    const rotated = await rotateKey(c.env, c.req.param('id'), { value, previousUntil, reason }, by(c));
    if (!rotated) throw unknown('virtual key');
    const { key, isOver } = rotated;
    const before = previousUntil
      ? `The one before works until ${rfc3339(previousUntil)}.`
      : `The one before is refused from now on${isLeaked ? `, and what apps were allowed with it ${endedWords(isOver)}` : ''}.`;
    return c.json({
      message: `The key has a new value, shown only now. ${before}`,
      virtual_key: { ...shown(key), value },
    });
  })

  .delete('/:id', async (c) => {
    const removed = await removeKey(c.env, c.req.param('id'), by(c));
    if (!removed) throw unknown('virtual key');
    const accounts = removed.isOver ? 'are disconnected' : 'are being disconnected in the background';
    return c.json({
      message: `The key was deleted. What it gave access to is refused from now on, and accounts connected with it ${accounts}.`,
    });
  });

function endedWords(isOver: boolean): string {
  return isOver ? 'has ended' : 'is being ended in the background';
}

/** @throws ApiError when a key that never expires is to go once it has. */
function refuseEndless({
  expiresAt,
  deleteAfterExpire,
}: Pick<VirtualKey, 'expiresAt' | 'deleteAfterExpire'>): void {
  if (expiresAt !== null || !deleteAfterExpire) return;
  throw refusal('endless_deletion', {}, 'delete_after_expire');
}

/** The value that a form's repetition can tell again (SECURITY 32); undefined: no form asks. */
function ofForm(c: Context<App>): string | undefined {
  return c.var.formSecret && newValue(c.var.formSecret);
}

function nameTaken(name: string): ApiError {
  return refusal('name_taken', { noun: 'key', name }, 'name');
}

/** @throws ApiError when there is no such person. */
async function refuseUnknownOwner(db: D1Database, userId: string | null | undefined): Promise<void> {
  if (!userId || (await findUser(db, userId))) return;
  throw refusal('unknown_owner', {}, 'owner_user_id');
}

function shown(key: VirtualKey): z.infer<typeof ShownKey> {
  return {
    id: key.id,
    name: key.name,
    description: key.description,
    value: key.valueMask,
    is_active: key.isActive,
    expires_at: rfc3339(key.expiresAt),
    delete_after_expire: key.deleteAfterExpire,
    owner_user_id: key.ownerUserId,
    shared: key.shared,
    mcp_configs: key.mcpConfigs,
    limits: key.limits,
    created_at: rfc3339(key.createdAt),
    updated_at: rfc3339(key.updatedAt),
    last_used_at: rfc3339(key.lastUsedAt),
  };
}
