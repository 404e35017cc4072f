/** How long a form may be open before it is out of date. Seconds. */
export const FORM_LIFE = 43_200;

/** A new once-value for a form (SECURITY 32): `<epoch seconds>.<UUID>`. */
export function newOnceValue(): string {
  return `${Math.floor(Date.now() / 1000)}.${crypto.randomUUID()}`;
}

/** True for a value of {@link newOnceValue} that is not out of date at `now` (epoch seconds). */
export function isOnceValue(value: string, now: number): boolean {
  const [, madeAt] = /^(\d{1,12})\.[0-9a-f-]{36}$/.exec(value) ?? [];
  return madeAt !== undefined && Number(madeAt) > now - FORM_LIFE;
}
