import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { disconnectEverywhere } from '../../accounts/removal';
import { audit, by } from '../../audit';
import type { App } from '../../config';
import { deleteUser, findUser, listUsers, type User, updateUser } from '../../governance/users';
import { endGrantsOf } from '../../grants/end';
import { signOutEverywhere, subjectOf } from '../../identity/signed-in';
import { isAdministrator, maySignIn } from '../../identity/user';
import { McpConfigs } from '../../protocol/mcp-config';
import { listed, rfc3339, Time } from './answer';
import { unknown } from './error';
import { accept, Page, readJson } from './request';
import { knownServers } from './servers/known';

/** What may change of a person. Who they are, their provider says. */
export const UserChangeRequest = z.object({ is_active: z.boolean(), mcp_configs: McpConfigs }).partial();

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
    const now = Math.floor(Date.now() / 1000);
    const changed = await updateUser(c.env.DB, user.id, { isActive, mcpConfigs }, now);
    if (!changed) throw unknown('user');
    const isBlocked = isActive === false;
    if (isBlocked) await endAccess(c, user, 'user_blocked', now);
    audit(c, { act: isBlocked ? 'user.blocked' : 'user.changed', user: user.id });
    const message = isBlocked
      ? 'The person is blocked: their apps, browsers and keys are refused from now on, and their accounts are disconnected.'
      : 'The person was changed.';
    return c.json({ message, user: shown(c, changed) });
  })

  .delete('/:id', async (c) => {
    const now = Math.floor(Date.now() / 1000);
    const user = await findUser(c.env.DB, c.req.param('id'));
    if (!user || !(await deleteUser(c.env.DB, user.id, now))) throw unknown('user');
    await endAccess(c, user, 'user_deleted', now);
    audit(c, { act: 'user.deleted', user: user.id });
    return c.json({
      message:
        'The person was deleted: their apps, browsers and keys are refused from now on, and their accounts are disconnected. They can sign in again as a new person.',
    });
  });

/** Ends what a person is in the middle of: browsers signed in, what apps were allowed, accounts they connected. */
async function endAccess(
  c: Context<App>,
  user: User,
  reason: 'user_blocked' | 'user_deleted',
  now: number,
): Promise<void> {
  await signOutEverywhere(c.env.DB, subjectOf(user));
  await endGrantsOf(c.env.DB, c.env.GRANTS, subjectOf(user), reason, by(c), now);
  await disconnectEverywhere(c.env, subjectOf(user));
}

/** A person as answers show them. */
export const ShownUser = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  issuer: z.string().describe('The provider they sign in with'),
  is_administrator: z.boolean(),
  is_active: z.boolean().describe('False: blocked, however often they sign in'),
  is_suspended: z
    .boolean()
    .describe('True: their address or provider may not sign in here now. All they have is kept'),
  mcp_configs: McpConfigs,
  last_signed_in_at: Time,
  created_at: Time,
  updated_at: Time,
});

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
