import { beginsWith, type Ids } from '../database';

/** The subjects that people know by a name beginning with `prefix`: keys by theirs, people by their e-mail address. */
export function subjectsNamed(prefix: string): Ids {
  const key = beginsWith('name', prefix);
  const person = beginsWith('email', prefix);
  return {
    sql: `SELECT 'vk:' || id FROM virtual_key WHERE ${key.sql} UNION ALL SELECT 'user:' || id FROM person WHERE ${person.sql}`,
    values: [...key.values, ...person.values],
  };
}
