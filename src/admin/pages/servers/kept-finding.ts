import type { Context } from 'hono';
import type { App } from '../../../config';
import { open, seal } from '../../../crypto/secrets';
import { maskOfSecret, unmasked } from '../../../servers/secret-value';
import type { LookedUp } from '../../api/servers/check';
import type { FormFields } from '../api';
import { addHeader } from './terms';

/** The field of the form that holds what was found, with header values that were pasted, sealed: for an hour. */
export const FINDING_FIELD = 'found';
const PLACE = 'found-server';
/** Milliseconds. */
const LIFE = 3_600_000;

type Kept = { until: number; look: LookedUp };

/** Puts a finding into the form of a new server, pasted header values as masks in place of rows it has already. */
export async function keepFinding(c: Context<App>, form: FormFields, look: LookedUp): Promise<void> {
  const { headers, lacking } = look.pasted;
  if (Object.keys(headers).length || lacking.length) {
    for (const name of ['header_name', 'header_value']) form.delete(name);
    for (const [name, value] of Object.entries(headers)) addHeader(form, name, maskOfSecret(value));
    for (const name of lacking) addHeader(form, name, '');
  }
  const kept: Kept = { until: Date.now() + LIFE, look };
  form.set(FINDING_FIELD, await seal(c.env.ENCRYPTION_KEY, PLACE, JSON.stringify(kept)));
}

/** What was found at the address that a form states, as long as it is kept. */
export async function findingIn(c: Context<App>, form: FormFields): Promise<LookedUp | undefined> {
  const sealed = form.get(FINDING_FIELD);
  const opened = sealed && (await open(c.env.ENCRYPTION_KEY, PLACE, sealed));
  if (!opened) return undefined;
  const { until, look } = JSON.parse(opened) as Kept;
  return until > Date.now() && look.url === form.get('connection_string')?.trim() ? look : undefined;
}

/** The form with pasted header values in place of their masks: they are for the address they were pasted with. */
export function withPasted(form: FormFields, look: LookedUp | undefined): FormFields {
  if (!look) return form;
  const filled: FormFields = new URLSearchParams(form);
  filled.delete('header_value');
  const names = form.getAll('header_name');
  for (const [at, value] of form.getAll('header_value').entries()) {
    const pasted = look.pasted.headers[names[at]?.trim() ?? ''];
    filled.append('header_value', unmasked(value, pasted) ?? value);
  }
  return filled;
}
