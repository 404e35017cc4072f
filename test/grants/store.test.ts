import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { askGrant } from '../../src/grants/store';

const grantId = () => env.GRANTS.newUniqueId().toString();

/** Something to ask a grant that fails `times` before it answers, and how often it was asked. */
function asking(times: number, failure: Record<string, unknown>) {
  const asked = { count: 0 };
  const ask = async () => {
    asked.count += 1;
    if (asked.count <= times) throw Object.assign(new Error('Network connection lost.'), failure);
    return 'answer';
  };
  return { asked, ask };
}

describe('asking a grant again (SECURITY 23)', () => {
  it('asks three times while its object is being moved or restarted', async () => {
    const { ask } = asking(2, { retryable: true });
    const dead = asking(3, { retryable: true });

    expect(await askGrant(env.GRANTS, grantId(), ask)).toBe('answer');
    await expect(askGrant(env.GRANTS, grantId(), dead.ask)).rejects.toThrow('Network connection lost');
    expect(dead.asked.count).toBe(3);
  });

  it.each([{ retryable: true, overloaded: true }, { retryable: false }, {}])(
    'asks once after %j',
    async (failure) => {
      const { asked, ask } = asking(1, failure);

      await expect(askGrant(env.GRANTS, grantId(), ask)).rejects.toThrow('Network connection lost');
      expect(asked.count).toBe(1);
    },
  );

  it.each(['0'.repeat(64), 'A'.repeat(64), '../..', ''])('wakes nothing for the id %j', async (id) => {
    const { asked, ask } = asking(0, {});

    expect(await askGrant(env.GRANTS, id, ask)).toBeNull();
    expect(asked.count).toBe(0);
  });
});
