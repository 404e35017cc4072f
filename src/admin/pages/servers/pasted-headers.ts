import type { Context } from 'hono';
import * as z from 'zod/mini';
import type { App } from '../../../config';
import { open, seal } from '../../../crypto/secrets';
import { maskOfSecret, unmasked } from '../../../servers/secret-value';
import type { Pasted } from '../../api/servers/pasted';
import type { FormFields } from '../api';
import { addHeader } from './terms';

/** Header values that were pasted, sealed in the form that shows their masks: they are for one origin, and for an hour. */
const Kept = z.object({ origin: z.string(), until: z.number(), headers: z.record(z.string(), z.string()) });

/** The field of the form that holds them. */
export const PASTED_FIELD = 'pasted_headers';
const PLACE = 'pasted-headers';
/** Milliseconds. */
const LIFE = 3_600_000;

/** Puts pasted headers into the form of a new server at `url`, values as masks; in place of rows it has already. */
export async function putPasted(
  c: Context<App>,
  form: FormFields,
  url: string,
  { headers, lacking }: Pasted & { kind: 'address' },
): Promise<void> {
  if (!Object.keys(headers).length && !lacking.length) return;
  for (const name of ['header_name', 'header_value', PASTED_FIELD]) form.delete(name);
  for (const [name, value] of Object.entries(headers)) addHeader(form, name, maskOfSecret(value));
  for (const name of lacking) addHeader(form, name, '');
  const kept: z.infer<typeof Kept> = { origin: new URL(url).origin, until: Date.now() + LIFE, headers };
  form.set(PASTED_FIELD, await seal(c.env.ENCRYPTION_KEY, PLACE, JSON.stringify(kept)));
}

/** The form with pasted values in place of their masks, as long as it is still for their origin. */
export async function withPasted(c: Context<App>, form: FormFields): Promise<FormFields> {
  const sealed = form.get(PASTED_FIELD);
  const opened = sealed && (await open(c.env.ENCRYPTION_KEY, PLACE, sealed));
  const address = form.get('connection_string')?.trim() ?? '';
  if (!opened || !URL.canParse(address)) return form;
  const { origin, until, headers } = Kept.parse(JSON.parse(opened));
  if (origin !== new URL(address).origin || until < Date.now()) return form;

  const filled: FormFields = new URLSearchParams(form);
  filled.delete('header_value');
  const names = form.getAll('header_name');
  for (const [at, value] of form.getAll('header_value').entries()) {
    filled.append('header_value', unmasked(value, headers[names[at]?.trim() ?? '']) ?? value);
  }
  return filled;
}
