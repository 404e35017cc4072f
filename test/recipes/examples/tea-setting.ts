import * as z from 'zod/mini';
import { number } from '../../../src/protocol/variable-values';
import { type Setting, settingsIn } from '../../../src/setting';
import { SETTINGS } from '../../../src/settings';

/** The one entry, which the table in src/settings.ts would have. */
const entry = z.object({
  tea_break: z._default(number(0, 3600), 300).register(z.globalRegistry, {
    group: 'times',
    label: 'A break for tea',
    type: 'seconds, 0 = none',
    unread: 'default',
    does: 'How long `/mcp` rests at four',
    means: 'How long the gateway rests at four',
    changes: 'From the next day on',
  }),
});

(SETTINGS as Setting[]).push(...settingsIn(entry));
