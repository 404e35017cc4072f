import type { ServerOverview } from '../../../accounts/server-overview';

/** What comes after a server was added, in three steps. */
export function NextSteps({ overview }: { overview: ServerOverview }) {
  const { server, tools } = overview;
  const at = `/admin/servers/${server.id}`;
  const isOpen = server.allowOnAllVirtualKeys;
  const tool = tools[0]?.name;
  const step = (title: string, says: string, href: string | null, button: string, isNext = false) => (
    <li>
      <span>
        <b>{title}</b>
        <br />
        <small>{says}</small>
      </span>
      {href && (
        <a class={isNext ? 'button small primary' : 'button small'} href={href}>
          {button}
        </a>
      )}
    </li>
  );
  return (
    <section class="card stack" aria-labelledby="next">
      <h2 id="next">Next steps</h2>
      <ol class="steps">
        {step(
          'Choose who can use it',
          isOpen ? 'Everyone can. You can narrow that.' : 'No one yet. Choose keys, people or toolsets.',
          `${at}/used-by`,
          'Choose',
          !isOpen,
        )}
        {step(
          'Try a tool',
          'See what it answers before apps call it.',
          tool ? `${at}/try?tool=${encodeURIComponent(tool)}` : null,
          'Try',
        )}
        {step('Connect an app', 'Claude Code, ChatGPT, Cursor or your own.', '/', 'See how')}
      </ol>
    </section>
  );
}
