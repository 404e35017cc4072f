import type { ReadingTerms } from '../../../protocol/mcp-config';
import { Avatar } from '../../../ui/avatar';
import { Cut } from '../../../ui/name';
import { type GrantView, holderOf, isReadOnly } from './words';

/** The servers and tools an app was allowed. */
export function AccessTools({ access }: { access: GrantView }) {
  const { mcp_configs: servers } = access;
  const only = isReadOnly(access);
  if (!servers) {
    return (
      <p>
        {only ? 'All read-only tools that ' : 'Everything that '}
        <b>
          <Cut of={holderOf(access).name} />
        </b>{' '}
        can use, including servers and tools that are added later.
      </p>
    );
  }
  if (!servers.length) return <p>Nothing. The servers it could use were deleted.</p>;
  return (
    <>
      {only && <p>Of these servers, only read-only tools.</p>}
      <ul class="list">
        {servers.map(({ mcp_client_name: name, tools_to_execute: tools, ...reading }) => (
          <li>
            <Avatar name={name} />
            <span class="grow">
              <b>
                <Cut of={name} />
              </b>{' '}
              <small>{howMuch(tools, reading)}</small>
              {!tools.includes('*') && (
                <div>
                  {tools.map((tool) => (
                    <>
                      <code>
                        <Cut of={tool} />
                      </code>{' '}
                    </>
                  ))}
                </div>
              )}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function howMuch(tools: readonly string[], { allow_resources, allow_prompts }: ReadingTerms): string {
  if (tools.includes('*')) return 'All tools, including later ones';
  const more = [allow_resources && 'its resources', allow_prompts && 'its prompts'].filter(Boolean);
  return [tools.length === 1 ? '1 tool' : `${tools.length} tools`, ...more].join(', ');
}
