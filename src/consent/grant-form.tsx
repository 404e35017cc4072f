import { isDocumentUrl } from '../clients/metadata-document';
import type { Widening } from '../grants/change';
import type { Grant } from '../grants/store';
import { isLoopback } from '../protocol/public-url';
import { dates } from '../ui/english';
import { Cut, Name } from '../ui/name';
import { When } from '../ui/parts';
import { Chooser, Ticked } from './chooser';
import { endsOf, type GrantChoice, mayNarrow } from './grant-choice';
import type { UsableServer } from './services';

type FieldsProps = {
  grant: Grant;
  usable: readonly UsableServer[];
  choice: GrantChoice;
  /** Where the form is sent, and where lists of tools are loaded from, before `?server=`. */
  action: string;
  toolsAt: string;
  /** What `all` is called; as consent calls it, where it is left out. */
  everything?: string;
  /** Epoch seconds. */
  now: number;
};

/** What an app may use and how long, as a form changes it afterwards: the choice that consent gives. */
export function GrantFields({ grant, usable, choice, action, toolsAt, everything, now }: FieldsProps) {
  const canNarrow = mayNarrow(grant);
  return (
    <>
      <Chooser
        servers={usable}
        choice={choice}
        mayNarrow={canNarrow}
        action={action}
        toolsAt={({ name }) => `${toolsAt}?${new URLSearchParams({ server: name })}`}
        badges={new Map()}
        everything={everything}
      />
      {canNarrow && usable.length > 0 && (
        <label class="row check if-chosen">
          <input type="checkbox" name="read_only" value="on" checked={choice.isReading} />
          <span>
            Of these, only tools that read <small>as described by each server</small>
          </span>
        </label>
      )}
      {usable.length > 0 && <Ticked servers={usable} choice={choice} />}
      <div class="field">
        <label for="ends">Access ends</label>
        <select class="input" id="ends" name="ends">
          <option value="">{endWords(grant.expiresAt)}</option>
          {endsOf(grant, now).map((seconds) => (
            <option value={seconds} selected={choice.endsIn === seconds}>
              {seconds < 86_400 ? `${seconds / 3600} hours from now` : `${seconds / 86_400} days from now`}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}

function endWords(expiresAt: number | null): string {
  return expiresAt === null ? 'When it is withdrawn' : dates().format(expiresAt * 1000);
}

type AddedProps = { grant: Grant; added: Widening; usable: readonly UsableServer[] };

/** What consent says of an app, and what it would get beyond what it has: before that is given. */
export function Added({ grant, added, usable }: AddedProps) {
  const nameOf = (id: string) => usable.find((server) => server.id === id)?.name ?? 'a server that is away';
  const lines = [
    ...(added.servers === 'all' ? [] : added.servers).map(({ id, tools }) => ({
      server: nameOf(id),
      what: toolWords(tools),
    })),
    ...[...added.tools].map(([id, tools]) => ({ server: nameOf(id), what: toolWords(tools) })),
    ...added.reading.map((id) => ({ server: nameOf(id), what: 'its resources or prompts' })),
  ];
  return (
    <>
      <dl class="facts">
        <dt>Calls itself</dt>
        <dd>
          <Name of={grant.clientName} />
        </dd>
        <dt>Goes back to</dt>
        <dd>
          {placeWords(grant.redirectHost)} <span class="mono">{grant.redirectHost}</span>
        </dd>
        {isDocumentUrl(grant.clientId) && (
          <>
            <dt>Described at</dt>
            <dd class="mono">{new URL(grant.clientId).host}</dd>
          </>
        )}
        <dt>Allowed</dt>
        <dd>
          <When at={new Date(grant.createdAt * 1000).toISOString()} />
        </dd>
      </dl>
      <p>It would get, beyond what it has:</p>
      <ul>
        {added.writing && <li>tools that change something, not only those that read</li>}
        {added.servers === 'all' && <li>everything on all servers, what is added later too</li>}
        {lines.map(({ server, what }) => (
          <li>
            <b>
              <Cut of={server} />
            </b>
            : {what}
          </li>
        ))}
      </ul>
    </>
  );
}

/** Where the person was sent back to, before its address. */
function placeWords(redirectHost: string): string {
  if (redirectHost.endsWith(':')) return 'an app on a device';
  return isLoopback(redirectHost.replace(/:\d+$/, '')) ? 'an app on a computer' : '';
}

function toolWords(tools: readonly string[] | null): string {
  if (tools === null) return 'all tools, later ones too';
  return tools.join(', ') || 'no tools, but its resources or prompts';
}

/** The fields of a form that is sent once more, as they were. */
export function FieldsAgain({ form, but }: { form: URLSearchParams; but: readonly string[] }) {
  const left = [...form].filter(([name]) => !['csrf', 'once', ...but].includes(name));
  return (
    <>
      {left.map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
    </>
  );
}
