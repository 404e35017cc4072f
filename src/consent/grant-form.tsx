import { isDocumentUrl } from '../clients/metadata-document';
import type { Widening } from '../grants/change';
import type { Grant } from '../grants/store';
import { isLoopback } from '../protocol/public-url';
import { Cut, Name } from '../ui/name';
import { dayOf, When } from '../ui/parts';
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
  return (
    <>
      <Chooser
        servers={usable}
        choice={choice}
        mayNarrow={mayNarrow(grant)}
        isReading={choice.isReading}
        action={action}
        toolsAt={({ name }) => `${toolsAt}?${new URLSearchParams({ server: name })}`}
        badges={new Map()}
        everything={everything}
      />
      {usable.length > 0 && <Ticked servers={usable} choice={choice} />}
      <div class="field">
        <label for="ends">Access ends</label>
        <select class="input auto" id="ends" name="ends">
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
  return expiresAt === null ? 'when it is revoked' : `on ${dayOf(new Date(expiresAt * 1000).toISOString())}`;
}

type AddedProps = { grant: Grant; added: Widening; usable: readonly UsableServer[] };

/** What consent says of an app, and what it would get beyond what it has: before that is given. */
export function Added({ grant, added, usable }: AddedProps) {
  const nameOf = (id: string) =>
    usable.find((server) => server.id === id)?.name ?? 'a server that isn’t available now';
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
        <dt>App</dt>
        <dd>
          <Name of={grant.clientName} />
        </dd>
        <dt>Returns to</dt>
        <dd>
          {placeWords(grant.redirectHost)} <span class="mono">{grant.redirectHost}</span>
        </dd>
        {isDocumentUrl(grant.clientId) && (
          <>
            <dt>Published by</dt>
            <dd class="mono">{new URL(grant.clientId).host}</dd>
          </>
        )}
        <dt>Allowed</dt>
        <dd>
          <When at={new Date(grant.createdAt * 1000).toISOString()} />
        </dd>
      </dl>
      <p>This adds:</p>
      <ul>
        {added.writing && <li>tools that can change something, not only read-only ones</li>}
        {added.servers === 'all' && <li>everything on all servers, including what is added later</li>}
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
  if (redirectHost.endsWith(':')) return 'a device,';
  return isLoopback(redirectHost.replace(/:\d+$/, '')) ? 'a computer,' : '';
}

function toolWords(tools: readonly string[] | null): string {
  if (tools === null) return 'all tools, including later ones';
  return tools.join(', ') || 'its resources or prompts';
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
