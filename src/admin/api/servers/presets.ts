import { Hono } from 'hono';
import type * as z from 'zod/mini';
import type { App } from '../../../config';
import { PRESETS } from '../../../providers/presets';
import { redirectUriOf } from '../../../providers/registration';
import { listed } from '../answer';
import type { ShownPreset } from '../answers/preset';
import { accept, Page } from '../request';

/** Well-known servers, which saves looking up how they are added (CONTRACT §7). */
export const presets = new Hono<App>().get('/', (c) => {
  const page = accept(Page, c.req.query());
  const { settings, issuer } = c.var;
  const redirect_uri = issuer && redirectUriOf(settings, issuer);
  const found = PRESETS.filter(({ name }) => name.toLowerCase().includes(page.search.toLowerCase()));
  const shown: z.input<typeof ShownPreset>[] = found
    .slice(page.offset, page.offset + page.limit)
    .map(({ brings: _, ...preset }) => ({ ...preset, notes: [...preset.notes], redirect_uri }));
  return c.json(listed('presets', shown, found.length, page));
});
