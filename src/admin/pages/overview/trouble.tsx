import type { Server } from '../../../servers/server';
import { stateOf } from '../../../servers/server';
import { Avatar } from '../../../ui/avatar';
import { numberOf } from '../../../ui/english';
import { cut } from '../../../ui/name';
import { Badge, When } from '../../../ui/parts';
import { Table } from '../../../ui/table';
import { rfc3339 } from '../../api/answer';
import { SERVER_STATES } from '../servers/state';
import { lastFailureWords } from '../words/failures';

type Trouble = { action: string; preposition: string; otherwise: string };

/** What an administrator does about a server, and what is said of one of which no failure is known. The most urgent first. */
const TROUBLES: ReadonlyMap<string, Trouble> = new Map([
  ['unstable', { action: 'Check', preposition: '', otherwise: 'It hasn’t answered yet' }],
  [
    'needs_reauth',
    { action: 'Sign in again', preposition: 'to', otherwise: 'It no longer accepts the account' },
  ],
  [
    'pending_verification',
    { action: 'Finish setup', preposition: 'of', otherwise: 'Waiting for an administrator to sign in' },
  ],
]);

/** Servers in the table. */
const MOST = 12;

/** Those of these servers that need an administrator, the most urgent first. */
export function troubledOf(servers: readonly Server[]): Server[] {
  const states = [...TROUBLES.keys()];
  const urgency = (server: Server) => states.indexOf(stateOf(server));
  return servers.filter((server) => urgency(server) >= 0).sort((a, b) => urgency(a) - urgency(b));
}

/** What is wrong with servers, and what to do; nothing of those that are well. */
export function TroubledServers({ troubled, total }: { troubled: readonly Server[]; total: number }) {
  if (!troubled.length) return null;
  const others = total - troubled.length;
  const title =
    troubled.length === 1
      ? '1 server needs attention'
      : `${numberOf(troubled.length)} servers need attention`;
  return (
    <section class="stack">
      <div class="row spread">
        <h2>{title}</h2>
        <a class="small" href="/admin/servers">
          {others ? `All ${numberOf(total)} servers` : 'Servers'}
        </a>
      </div>
      <Table
        label={title}
        columns={[
          { name: 'Server' },
          { name: 'Status' },
          { name: 'What happened' },
          { name: 'Action', isHidden: true },
        ]}
      >
        {troubled.slice(0, MOST).map((server) => (
          <TroubledServer server={server} />
        ))}
      </Table>
      {others > 0 && (
        <p class="small muted">
          {others === 1 ? 'The other one is' : `The other ${numberOf(others)} are`} healthy or turned off.
        </p>
      )}
    </section>
  );
}

function TroubledServer({ server }: { server: Server }) {
  const { id, name, lastFailure, createdAt } = server;
  const state = stateOf(server);
  const { word, tone } = SERVER_STATES[state];
  const { action, preposition, otherwise } = TROUBLES.get(state) as Trouble;
  const isPending = state === 'pending_verification';
  const failure = isPending ? null : lastFailure;
  const since = isPending ? createdAt : failure?.since;
  const look = isPending ? 'button small primary' : 'button small';
  const href = `/admin/servers/${id}`;
  return (
    <tr class={tone === 'bad' ? 'is-bad' : 'is-warn'}>
      <td>
        <span class="thing">
          <Avatar name={name} glyph="server" />
          <a class="name cut" href={href} title={name}>
            {cut(name)}
          </a>
        </span>
      </td>
      <td data-label="Status">
        <Badge tone={tone}>{word}</Badge>
      </td>
      <td data-label="What happened" class="words">
        <span>
          <span>{failure ? lastFailureWords(failure) : otherwise}</span>{' '}
          <small>{since !== undefined && <When at={rfc3339(since)} />}</small>
        </span>
      </td>
      <td class="end">
        <a class={look} href={href}>
          {action}
          <span class="unseen">
            {' '}
            {preposition} {cut(name)}
          </span>
        </a>
      </td>
    </tr>
  );
}
