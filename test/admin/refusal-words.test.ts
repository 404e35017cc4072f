import { describe, expect, it } from 'vitest';
import { type ApiRefusal, refusal } from '../../src/admin/api/error';
import { API_WORDS, type ApiReason } from '../../src/admin/api/refusal-words';
import { lastFailureWords, SERVER_FAILURE_WORDS } from '../../src/admin/pages/words/failures';
import { PROVIDER_WORDS } from '../../src/admin/pages/words/problems';
import { labelsIn, refusalWords } from '../../src/admin/pages/words/refusals';
import { VALUE_WORDS } from '../../src/admin/pages/words/values';
import { type Rewording, say, type Vocabulary } from '../../src/protocol/faults/wording';
import { FAULT_WORDS } from '../../src/protocol/faults/words';
import { PROBLEM_WORDS } from '../../src/providers/problem-words';
import { FAILURE_WORDS } from '../../src/servers/failure-words';
import { ZOD } from '../support/words';

/** Something for every parameter there is; `unset` would show as such in a sentence. */
const DETAILS = {
  ...{ least: 2, most: 9, seconds: 30, status: 503, kib: 256 },
  ...{ options: 'red, green', other: 'the other', rule: 'must be a URI', name: 'Ann', noun: 'server' },
  ...{
    server: 'Files',
    tool: 'search',
    scopes: 'read',
    method: 'tools/list',
    said: 'no',
    names: 'X-Key',
    auth_type: 'none',
  },
  ...{ takers: 'headers', fault: 'not_https', variable: 'KEY', header: 'X-Key', redirect_uri: 'https://g/c' },
  ...{ was: 'https://a', is: 'https://b', member: 'issuer', value: 'https://b', url: 'https://f' },
  ...{ resource: 'https://r', wanted: 'https://a', found: 'https://b', next: 'reauthorize', error: 'No.' },
  ...{ issuer: 'https://g', command: 'npx wrangler', tried: ['GET https://a answered 404'] },
};

/** Names of the wire, and what stands in the API's documents between backticks. */
const WIRE = /`|[a-z0-9]_[a-z0-9]|initiate-verification|verify-headers|reauthorize|confirm: true|\bcsrf\b/;

const pairs: [string, Vocabulary, Rewording<Vocabulary>][] = [
  ['faults of values', FAULT_WORDS, VALUE_WORDS],
  ['failures of servers', FAILURE_WORDS, SERVER_FAILURE_WORDS],
  ['problems of providers', PROBLEM_WORDS, PROVIDER_WORDS],
];

const said = (words: Rewording<Vocabulary>, reason: string) =>
  say(words, { reason, params: DETAILS as never });

describe.each(pairs)('%s', (_, words, pageWords) => {
  it.each(Object.keys(words))('%s is said to developers and on pages, each in their words', (reason) => {
    expect(said(words, reason)).not.toMatch(ZOD);
    expect(said(words, reason)).not.toContain('undefined');

    expect(said(pageWords, reason)).not.toMatch(ZOD);
    expect(said(pageWords, reason)).not.toMatch(WIRE);
    expect(said(pageWords, reason)).not.toContain('undefined');
  });

  it('has no words for pages that nothing is said in', () => {
    expect(Object.keys(pageWords)).toEqual(Object.keys(words));
  });
});

describe('refusals of the API', () => {
  const wrapped: Partial<Record<ApiReason, object>> = {
    value: { fault: { reason: 'too_long', params: DETAILS } },
    issuer_unreachable: { issuer: 'https://g', met: { kind: 'status', status: 503 } },
    no_provider: { met: { at: 'https://g', status: 404 } },
    server_failed: { failure: { reason: 'insufficient_scope', params: DETAILS } },
    provider_problem: { problem: { reason: 'no_registration', params: DETAILS }, tried: DETAILS.tried },
  };
  const labels = labelsIn({ 'some.member': 'The member' });

  it.each(Object.keys(API_WORDS) as ApiReason[])('%s has words for both', (reason) => {
    const made = refusal(reason as 'value', (wrapped[reason] ?? DETAILS) as never, 'some.member');

    expect(made.message).toMatch(/^\S.*[.…]$/s);
    expect(made.message).not.toMatch(ZOD);
    expect(made.message).not.toContain('undefined');
    const page = refusalWords(made.refusal, labels);
    expect(page).toMatch(/^\S.*\.$/s);
    expect(page).not.toMatch(WIRE);
    expect(page).not.toContain('undefined');
  });

  it('say on a page what the page calls the member, also one of many', () => {
    const { refusal: made } = refusal('value', { fault: { reason: 'empty', params: {} } }, 'limits.2.calls');

    expect(refusalWords(made, labelsIn({ 'limits.calls': 'The number' }))).toBe(
      'The number must not be empty.',
    );
    expect(refusalWords(made, labelsIn({ limits: 'Say how many.' }))).toBe('Say how many.');
    expect(refusalWords(made as ApiRefusal, () => undefined)).toBe('What was sent must not be empty.');
  });
});

describe('the last failure of a server', () => {
  const noted = { stage: 'list', message: 'Set oauth_config.', at: 1, since: 1 } as const;

  it('is said in words of pages', () => {
    const stated = { reason: 'late', params: { server: 'Files' } } as const;

    expect(lastFailureWords({ ...noted, stated })).toMatch(/^The server Files did not answer in time/);
  });

  it('is shown as it was noted when an earlier version noted only a sentence', () => {
    expect(lastFailureWords(noted)).toBe('Set oauth_config.');
  });
});

describe('the source of pages', () => {
  const pages = import.meta.glob<string>('../../src/{admin/pages,people,connect,consent}/**/*.{ts,tsx}', {
    query: '?raw',
    import: 'default',
    eager: true,
  });

  it('reads nothing out of a sentence of the API', () => {
    const reading =
      /\b(?:message|reason)\??\.(?:replace|match|startsWith|endsWith|includes|search)|\.(?:test|exec)\([\w.?]*\bmessage\b/;
    const readers = Object.entries(pages).filter(([, text]) => reading.test(text));

    expect(readers.map(([file]) => file)).toEqual([]);
    expect(Object.keys(pages).length).toBeGreaterThan(60);
  });
});

describe('the source', () => {
  const sources = import.meta.glob<string>('../../src/**/*.{ts,tsx}', {
    query: '?raw',
    import: 'default',
    eager: true,
  });

  it('reads what zod found in one place, so that nothing else can show its words', () => {
    const readers = Object.entries(sources).filter(([, text]) =>
      /\bissues?\b[^\n]*\bmessage\b|\.issues\b/.test(text.replaceAll('context.issues.push(', 'state(')),
    );

    expect(readers.map(([file]) => file)).toEqual(['../../src/protocol/faults/fault.ts']);
  });
});
