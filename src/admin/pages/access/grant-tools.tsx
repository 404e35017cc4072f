import { modeOfKind } from '../../../identity';
import type { ReadingTerms } from '../../../protocol/mcp-config';
import type { GrantView } from './words';

/** The servers and tools an app was allowed, as they were ticked. */
export function AccessTools({ access }: { access: GrantView }) {
  const { mcp_configs: servers, bf_mode: mode } = access;
  if (!servers) {
    const whose = modeOfKind(mode)?.words.whose ?? 'anybody';
    return <p>Everything that {whose} may use, later servers and tools too.</p>;
  }
  if (!servers.length) return <p>Nothing any more: the servers it was allowed are gone.</p>;
  return (
    <div class="stack tight">
      {servers.map(({ mcp_client_name: name, tools_to_execute: tools, ...reading }) => (
        <div class="server">
          <div class="row spread">
            <h3>
              <b>{name}</b>
            </h3>
            <small>{howMuch(tools, reading)}</small>
          </div>
          {!tools.includes('*') && (
            <ul aria-label={`Tools of ${name}`}>
              {tools.map((tool) => (
                <li>
                  <code>{tool}</code>
                </li>
              ))}
            </ul>
          )}
        </div>
      ))}
    </div>
  );
}

function howMuch(tools: readonly string[], { allow_resources, allow_prompts }: ReadingTerms): string {
  if (tools.includes('*')) return 'all tools, later ones too';
  const more = [allow_resources && 'its resources', allow_prompts && 'its prompts'].filter(Boolean);
  return [`only these ${tools.length}`, ...more].join(' and ');
}
