import { Badge } from '../../../ui/parts';
import type { OverviewFacts } from './facts';

type Step = { isDone: boolean; title: string; text: string; href: string; button: string };

/** What to do first, in order, until an app has access. */
export function FirstSteps({ facts }: { facts: OverviewFacts }) {
  const steps: Step[] = [
    {
      isDone: facts.serverCount > 0,
      title: 'Add a server',
      text: 'Its tools are what apps get: by its address, or one of the well-known in one click.',
      href: '/admin/servers/new',
      button: 'Add a server',
    },
    {
      isDone: facts.keyCount > 0,
      title: 'Make an access key',
      text: 'It says who somebody is, and which servers and tools they may use.',
      href: '/admin/keys/new',
      button: 'Make a key',
    },
    {
      isDone: facts.accessCount > 0,
      title: 'Connect an app',
      text: 'Claude Code, ChatGPT, Cursor or your own: copy one line, and allow it with the key.',
      href: '/',
      button: 'See how',
    },
  ];
  const next = steps.find(({ isDone }) => !isDone);
  if (!next || facts.accessCount > 0) return null;
  return (
    <section class="card stack">
      <h2>Three steps to the first tool call</h2>
      <ol class="steps">
        {steps.map((step) => (
          <li>
            <div class="row spread">
              <span class="stack tight">
                <span>
                  <b>{step.title}</b> {step.isDone && <Badge tone="good">done</Badge>}
                </span>
                <small>{step.text}</small>
              </span>
              {!step.isDone && (
                <a class={step === next ? 'button primary' : 'button'} href={step.href}>
                  {step.button}
                </a>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
