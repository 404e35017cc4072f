import { hashSecret } from '../../crypto/secrets';
import type { FormFields, Refused } from './api';

/** What a form says of what it was made of: sent along, so that one that is out of date replaces nothing in silence. @param sent the form shown again */
export async function seenOf(of: unknown, sent?: FormFields): Promise<string> {
  return sent?.get('seen') ?? digestOf(of);
}

/** Refuses a form that was made of something else than there is now: shown again, it is about that. Null: it is not so. */
export async function staleIn(form: FormFields, of: unknown): Promise<Refused | null> {
  if (form.get('seen') === (await digestOf(of))) return null;
  form.delete('seen');
  return { ok: false, status: 409, field: '', message: CHANGED };
}

/** What is said of a list of boxes that is out of date: it is shown as it stands. */
export const LIST_CHANGED =
  'This was changed after you opened the page, so nothing was saved now. Below is what holds.';

const CHANGED =
  'This was changed after you opened the page, so nothing was saved now. What you entered is below: save it again to replace that change.';

async function digestOf(of: unknown): Promise<string> {
  return (await hashSecret(JSON.stringify(of))).slice(0, 22);
}
