import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { audit, by } from '../../audit';
import type { App } from '../../config';
import { findUser, listUsers, type User, type UserChange, updateUser } from '../../governance/users';
import { isAdministrator, maySignIn } from '../../identity/user';
import { Unavailable } from '../../protocol/error';
import { McpConfigs } from '../../protocol/mcp-config';
import { blockPerson, isBlockFinished, removePerson } from '../../removal/people';
import { listed, rfc3339 } from './answer';
import type { ShownUser } from './answers/user';
import { unknown } from './error';
import { accept, Page, readJson } from './request';
import { knownServers } from './servers/known';

/** What may change of a person. Who they are, their provider says. */
export const UserChangeRequest = z.partial(z.object({ is_active: z.boolean(), mcp_configs: McpConfigs }));

/** People who signed in (CONTRACT §8). */
export const users = new Hono<App>()
  .get('/', async (c) => {
    const page = accept(Page, c.req.query());
    const { users, total } = await listUsers(c.env.DB, page);
    return c.json(
      listed(
        'users',
        users.map((user) => shown(c, user)),
        total,
        page,
      ),
    );
  })

  .get('/:id', async (c) => {
    const user = await findUser(c.env.DB, c.req.param('id'));
    if (!user) throw unknown('user');
    return c.json({ user: shown(c, user) });
  })

  .put('/:id', async (c) => {
    const user = await findUser(c.env.DB, c.req.param('id'));
    if (!user) throw unknown('user');
    const { is_active: isActive, mcp_configs } = accept(UserChangeRequest, await readJson(c));
    const mcpConfigs = mcp_configs && (await knownServers(c.env.DB, mcp_configs));
    const { id } = user;
    if (isActive && !user.isActive && !(await isBlockFinished(c.env, id)))
      throw new Unavailable('what the block of this person ends');
    const isOnlyBlocked = isActive === false && !mcpConfigs;
    if (!isOnlyBlocked) await change(c, id, { isActive: isActive || undefined, mcpConfigs });
    const blocked = isActive === false ? await blockPerson(c.env, id, by(c)) : null;
    const changed = await findUser(c.env.DB, id);
    if (!changed) throw unknown('user');
    return c.json({
      message: blocked ? `The person is blocked: ${endedWords(blocked)}` : 'The person was changed.',
      user: shown(c, changed),
    });
  })

  .delete('/:id', async (c) => {
    const removed = await removePerson(c.env, c.req.param('id'), by(c));
    if (!removed) throw unknown('user');
    return c.json({
      message: `The person was deleted: ${endedWords(removed)} They can sign in again as a new person.`,
    });
  });

/** @throws ApiError 404 when there is no such person any more */
async function change(c: Context<App>, id: string, wanted: UserChange): Promise<void> {
  const changed = await updateUser(c.env.DB, id, wanted, Math.floor(Date.now() / 1000));
  if (!changed) throw unknown('user');
  audit(c, { act: 'user.changed', user: id });
}

function endedWords({ isOver }: { isOver: boolean }): string {
  const accounts = isOver ? 'are disconnected' : 'are being disconnected in the background';
  return `their apps, browsers and keys are refused from now on, and their accounts ${accounts}.`;
}

function shown(c: Context<App>, user: User): z.infer<typeof ShownUser> {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    issuer: user.issuer,
    is_administrator: isAdministrator(c.var.settings, user),
    is_active: user.isActive,
    is_suspended: !maySignIn(c.var.settings, user),
    mcp_configs: user.mcpConfigs,
    last_signed_in_at: rfc3339(user.lastSignedInAt),
    created_at: rfc3339(user.createdAt),
    updated_at: rfc3339(user.updatedAt),
  };
}
