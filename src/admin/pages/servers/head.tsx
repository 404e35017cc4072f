import type { Server } from '../../../servers/server';
import { Csrf } from '../../../ui/forms';
import { Badge, Tabs, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { lastFailureWords } from '../words/failures';
import { SERVER_STATES } from './state';

const AT = '/admin/servers';

export type ServerTab = 'tools' | 'settings';

type Headed = { id: string; name: string; state: keyof typeof SERVER_STATES };

/** What every page of a server begins with: its name, how it stands, and the ways to its parts. */
export function ServerHead({ server, tab }: { server: Headed; tab: ServerTab }) {
  const { word, tone } = SERVER_STATES[server.state];
  const way = (name: ServerTab, text: string, path: string) => ({
    href: `${AT}/${server.id}${path}`,
    text,
    isHere: tab === name,
  });
  return (
    <>
      <div class="row spread">
        <h1>{server.name}</h1>
        <Badge tone={tone}>{word}</Badge>
      </div>
      <Tabs label="Server" ways={[way('tools', 'Tools', ''), way('settings', 'Settings', '/settings')]} />
    </>
  );
}

/** The last thing that went wrong with a server, and whose turn it is. */
export function LastFailure({ server }: { server: Server }) {
  const { lastFailure } = server;
  if (!lastFailure || !server.enabled) return null;
  return (
    <div class="notice bad stack tight">
      <p>{lastFailureWords(lastFailure)}</p>
      <small>
        First <When at={rfc3339(lastFailure.since)} />, last <When at={rfc3339(lastFailure.at)} />.
      </small>
    </div>
  );
}

/** A button that asks for something at once. */
export function Ask({
  action,
  csrf,
  label,
  values = {},
  kind = '',
}: {
  action: string;
  csrf: string;
  label: string;
  values?: Readonly<Record<string, string>>;
  kind?: 'primary' | 'small' | '';
}) {
  return (
    <form method="post" action={action}>
      <Csrf value={csrf} />
      {Object.entries(values).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class={`button ${kind}`.trim()}>
        {label}
      </button>
    </form>
  );
}
