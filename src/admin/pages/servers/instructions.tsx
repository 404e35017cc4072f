import { clean } from '../../../servers/listed-item';
import type { Server } from '../../../servers/server';
import type { StoredWords } from '../../../servers/words';
import { Badge, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';

/** Seconds for which a change of instructions is flagged. */
const NEWS = 604_800;

/** What a server tells models about itself. It reaches every app that may use the server, so a change is flagged. */
export function Instructions({ server, words }: { server: Server; words: StoredWords | null }) {
  if (!words?.instructions) return null;
  const { instructions, changedAt } = words;
  const isNews = changedAt !== null && changedAt + NEWS > Date.now() / 1000;
  return (
    <details class="quiet">
      <summary>
        Its instructions to models {isNews && <Badge tone="warn">Changed</Badge>}
        {!server.passInstructions && <Badge tone="off">Not passed on</Badge>}
      </summary>
      <div class="stack tight">
        {changedAt !== null && (
          <p class="muted small">
            Changed <When at={rfc3339(changedAt)} />. Apps get the current ones.
          </p>
        )}
        <pre class="wrap">{clean(instructions)}</pre>
      </div>
    </details>
  );
}
