import { type KeyOwner, ownersByEmail } from '../../../governance/owners';
import { cut } from '../../../ui/name';
import { described, Field } from '../../../ui/parts';
import type { Refused } from '../api';

/** Whose a key may be. */
export type Ownership = {
  /** Whose it is, as the field shows it; null: no one's. */
  current: { id: string; label: string } | null;
  /** People to suggest; there may be more. */
  suggested: readonly KeyOwner[];
};

/** @param owner null when they are not there any more */
export function ownershipOf(
  ownerUserId: string | null,
  owner: KeyOwner | null,
  suggested: readonly KeyOwner[],
): Ownership {
  if (ownerUserId === null) return { current: null, suggested };
  const label = owner ? labelOf(owner, suggested) : `Deleted person #${ownerUserId.slice(0, 8)}`;
  return { current: { id: ownerUserId, label }, suggested };
}

/** An address names a person; where several have it, the beginning of their id tells them apart. */
function labelOf({ id, email }: KeyOwner, among: readonly KeyOwner[]): string {
  const isShared = among.some(
    (other) => other.id !== id && other.email.toLowerCase() === email.toLowerCase(),
  );
  return isShared ? `${email} #${id.slice(0, 8)}` : email;
}

type OwnerFieldProps = { ownership: Ownership; value: string; error: string | undefined };

/** The person's address, typed or chosen: a list of all people would not end. */
export function OwnerField({ ownership: { current, suggested }, value, error }: OwnerFieldProps) {
  if (!suggested.length && !current) return null;
  return (
    <Field
      name="owner"
      label="Owner"
      isOptional
      error={error}
      hint="Someone who has signed in, by e-mail address. Only they can allow apps with this key."
    >
      <input
        class="input"
        type="text"
        list="owners"
        autocomplete="off"
        value={value}
        {...described('owner', { hint: true, error })}
      />
      <datalist id="owners">
        {suggested.map((owner) => (
          <option value={labelOf(owner, suggested)}>{cut(owner.name)}</option>
        ))}
      </datalist>
    </Field>
  );
}

/** The id of the person a field names: null for no one, `undefined` for the one it is now. */
export async function ownerNamed(
  db: D1Database,
  text: string | null,
  current: Ownership['current'],
): Promise<{ ok: true; id: string | null | undefined } | Refused> {
  const wanted = text?.trim() ?? null;
  if (wanted === null || wanted === current?.label) return { ok: true, id: undefined };
  if (!wanted) return { ok: true, id: null };
  const [, email = '', id = ''] = /^(.*?)(?: #([0-9a-f]{8}))?$/.exec(wanted) ?? [];
  const owners = (await ownersByEmail(db, email)).filter((owner) => owner.id.startsWith(id));
  const [owner] = owners;
  if (owners.length === 1 && owner) return { ok: true, id: owner.id };
  const message = owner
    ? `Several people sign in with ${email}. Enter one of these: ${owners.map((one) => labelOf(one, owners)).join(', ')}.`
    : `${email} hasn’t signed in here yet. Ask them to sign in once, then save this again.`;
  return { ok: false, status: 400, message, field: 'owner_user_id' };
}
