import { describe, expect, it } from 'vitest';
import { identityKinds, identityModes } from '../../src/identity';

const sources = import.meta.glob<string>('../../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** Files that spell a kind all the same, and why. */
const EXCEPTIONS: Record<string, string> = {
  'governance/virtual-keys.ts': 'the subject of a key is its own',
  'governance/users.ts': 'the subject of a person is their own',
  'governance/virtual-mcps.ts': 'SQL over keys, by whose subjects they are',
  'audit.ts': 'the key or person that an act is about',
  'governance/server-use.ts': 'SQL over keys and people, by whose subjects they are',
  'accounts/credentials.ts': 'SQL that finds the credentials of deleted keys and people',
};

describe('what differs by identity mode (docs/architecture.md, How someone adds a thing)', () => {
  it('is said by the mode: no other file compares a kind or a name of one', () => {
    const names = [...identityKinds(), ...identityModes.keys()].join('|');
    const compared = new RegExp(
      `(?:[!=]==|case) *'(?:${names})'|'(?:${names})' *[!=]==|\\bkind: '(?:${names})'|['"\`](?:${identityKinds().join('|')}):[$%']|identityModes\\.get\\('`,
    );

    const found = Object.entries(sources)
      .map(([path, text]) => [path.replace('../../src/', ''), text] as const)
      .filter(([path, text]) => !path.startsWith('identity/') && compared.test(text))
      .map(([path]) => path);

    expect(found.sort()).toEqual(Object.keys(EXCEPTIONS).sort());
  });
});
