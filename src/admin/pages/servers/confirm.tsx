import { type Context, Hono } from 'hono';
import { authorizationOf } from '../../../accounts/auth/index';
import {
  authorizationQuestion,
  decideWait,
  endWait,
  type HeldAccount,
  heldBy,
} from '../../../accounts/authorization';
import { audit } from '../../../audit';
import type { App } from '../../../config';
import { nowAuthorized } from '../../../connect/authorized';
import { ask } from '../../../database';
import { serverQuestion } from '../../../servers/find';
import { recordStatus } from '../../../servers/oauth-config-store';
import type { Server } from '../../../servers/server';
import { Csrf } from '../../../ui/forms';
import { PageProblem } from '../../../ui/layout';
import { Cut, cut, Name } from '../../../ui/name';
import { Head } from '../../../ui/parts';
import { ourIssuer } from '../../api/servers/authorization';
import { readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { requireOwnForm } from '../own-form';

const AT = '/admin/servers';
const PATH = '/:id/authorizations/:authorization';

/** Where an authorization that was begun through the API ends: whose account it is, and whether it is kept (PROTOCOL §7). */
export const confirmPages = new Hono<App>()
  .get(PATH, async (c) => {
    const { server, held } = await waiting(c, c.req.param());
    const body = <Confirm server={server} held={held} path={c.req.path} csrf={await csrfOf(c)} />;
    return adminPage(c, { title: `${cut(server.name)} · Confirm an account`, at: AT, isForm: true, body });
  })
  .post(PATH, async (c) => {
    const form = await readForm(c);
    await requireOwnForm(c, form);
    const { server } = await waiting(c, c.req.param());
    const { id } = server;
    const issuer = ourIssuer(c);
    const isConfirmed = form.get('decision') === 'allow';
    const wait = { id: c.req.param('authorization'), isConfirmed };
    if (!(await decideWait(c.env, issuer, server, wait))) throw new PageProblem(OVER);
    if (isConfirmed) {
      await nowAuthorized(c, issuer, server);
      await endWait(c.env.DB, wait.id);
      return goTo(c, `${AT}/${id}`, 'The account was kept. The server can be used now.');
    }
    const failed = { status: 'failed', error: REJECTED } as const;
    await recordStatus(c.env.DB, server.oauthConfigId ?? '', failed, Math.floor(Date.now() / 1000));
    await endWait(c.env.DB, wait.id);
    audit(c, { act: 'server.authorization_refused', server: id, reason: 'declined' });
    return goTo(
      c,
      `${AT}/${id}`,
      'The account was not kept. We revoked it where its provider supports that.',
    );
  });

const REJECTED = 'An administrator did not keep the account. Sign in again.';

/** @throws PageProblem when there is none to confirm */
async function waiting(
  c: Context<App>,
  { id = '', authorization = '' }: Record<string, string>,
): Promise<{ server: Server; held: HeldAccount }> {
  const { DB, ENCRYPTION_KEY } = c.env;
  const [server, begun] = await ask(DB, serverQuestion(DB, id), authorizationQuestion(DB, authorization));
  const held = server && (await heldBy(ENCRYPTION_KEY, begun, server));
  if (server && held) return { server, held };
  throw new PageProblem(OVER);
}

type ConfirmProps = { server: Server; held: HeldAccount; path: string; csrf: string };

function Confirm({ server, held, path, csrf }: ConfirmProps) {
  const { account, issuer, tokenHost, scopes } = held;
  const authorization = authorizationOf(server);
  return (
    <>
      <Head
        crumbs={[
          { href: AT, text: 'Servers' },
          { href: `${AT}/${server.id}`, text: <Cut of={server.name} /> },
        ]}
        title={
          <>
            Keep this account for <Cut of={server.name} />?
          </>
        }
      />
      <form class="card stack" method="post" action={path}>
        <Csrf value={csrf} />
        <p>
          Someone signed in at the provider and came back here. Keep the account only if you know whose it is.{' '}
          {authorization?.by === 'provider' && authorization.words.page}
        </p>
        <dl class="facts">
          <dt>Account</dt>
          <dd>{account ? <Name of={account} /> : 'Not named by the provider'}</dd>
          <dt>Provider</dt>
          <dd class="mono">{issuer ?? tokenHost}</dd>
          <dt>Tokens from</dt>
          <dd class="mono">{tokenHost}</dd>
          <dt>Scopes</dt>
          <dd class="mono">{scopes.join(' ') || '–'}</dd>
        </dl>
        <p class="muted">It isn’t used until you keep it. After 15 minutes we revoke it.</p>
        <div class="actions">
          <button type="submit" class="button primary" name="decision" value="allow" data-busy="Saving…">
            Keep account
          </button>
          <button type="submit" class="button" name="decision" value="deny" data-busy="Revoking…">
            Revoke account
          </button>
        </div>
      </form>
    </>
  );
}

const OVER = {
  status: 410,
  title: 'No account to confirm',
  text: 'It was kept or revoked already, or 15 minutes have passed. Sign in to the server again.',
  way: { href: AT, label: 'Servers' },
};
