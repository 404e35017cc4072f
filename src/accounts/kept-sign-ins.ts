import { authTypesThat } from './auth/index';

/** True when a server exists whose auth type uses people's sign-ins: only then are their tokens stored. */
export async function keepsSignIns(db: D1Database): Promise<boolean> {
  const types = authTypesThat(({ own }) => own?.kind === 'sign_in');
  const found = await db
    .prepare('SELECT 1 FROM server WHERE auth_type IN (SELECT value FROM json_each(?1)) LIMIT 1')
    .bind(JSON.stringify(types))
    .first();
  return found !== null;
}
