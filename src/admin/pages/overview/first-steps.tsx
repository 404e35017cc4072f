import type { OverviewFacts } from './facts';

type Step = { isDone: boolean; title: string; text: string; href: string; button: string };

/** What to do first, in order, until an app has access. */
export function FirstSteps({ facts }: { facts: OverviewFacts }) {
  if (facts.accessCount > 0) return null;
  const steps: Step[] = [
    {
      isDone: facts.serverCount > 0,
      title: 'Add a server',
      text: 'Its tools are what apps can use.',
      href: '/admin/servers/new',
      button: 'Add server',
    },
    {
      isDone: facts.keyCount > 0,
      title: 'Create an access key',
      text: 'It decides who can use which tools.',
      href: '/admin/keys/new',
      button: 'Create key',
    },
    {
      isDone: false,
      title: 'Connect an app',
      text: 'Copy one line into Claude Code, Cursor or another app.',
      href: '/',
      button: 'Connect an app',
    },
  ];
  const next = steps.find(({ isDone }) => !isDone);
  return (
    <section class="card stack">
      <h2>Get started</h2>
      <ol class="steps">
        {steps.map((step) => (
          <li class={step.isDone ? 'done' : undefined}>
            <div>
              <b>{step.title}</b>
              {step.isDone && <span class="unseen"> (done)</span>}
              <br />
              <small>{step.text}</small>
            </div>
            {step === next && (
              <a class="button primary" href={step.href}>
                {step.button}
              </a>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
