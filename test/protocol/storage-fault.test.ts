import { describe, expect, it } from 'vitest';
import { Unavailable } from '../../src/protocol/error';
import {
  faultAnswer,
  faultFacts,
  isPassing,
  mayAskAgain,
  storageCode,
} from '../../src/protocol/faults/storage';

const error = (message: string, marks: object = {}) => Object.assign(new Error(message), marks);

describe('faults of storage that pass (CONTRACT §8; Cloudflare D1, "List of D1_ERRORs")', () => {
  it.each([
    'D1_ERROR: D1 DB reset because its code was updated.',
    'D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.',
    'D1_ERROR: Internal error in D1 DB storage caused object to be reset.',
    'D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.',
    "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
    'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
    'D1_ERROR: D1 DB is overloaded. Too many requests queued.',
    'D1_ERROR: Network connection lost.',
    'D1_EXEC_ERROR: Network connection lost.',
    'D1_ERROR: Replica disconnected from primary.',
    'D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.',
    "D1_ERROR: Can't read from request stream because client disconnected.",
    'Error: D1_ERROR: Network connection lost.',
    'Network connection lost.',
    'Durable Object reset because its code was updated.',
    'Durable Object is overloaded. Too many requests queued.',
    'Durable Object storage operation exceeded timeout which caused object to be reset.',
    'Connection closed: this Durable Object instance is no longer active. Reconnect or retry the request.',
    'Your account is generating too much load on Durable Objects. Please back off and try again later.',
    'Your account is doing too many concurrent storage operations. Please back off and try again later.',
    'KV PUT failed: 429 Too Many Requests',
    'KV GET failed: 503 Service Unavailable',
  ])('takes %s for one', (message) => {
    expect(isPassing(error(message))).toBe(true);
    expect(faultAnswer(error(message))).toMatchObject({
      status: 503,
      type: 'temporarily_unavailable',
      retryAfter: 2,
    });
  });

  it('goes by the properties of errors of Durable Objects, and by our own class', () => {
    expect(isPassing(error('internal error; reference = 1', { retryable: true }))).toBe(true);
    expect(isPassing(error('internal error; reference = 1', { overloaded: true }))).toBe(true);
    expect(isPassing(new Unavailable('the provider'))).toBe(true);
    expect(isPassing(error('internal error; reference = 1', { remote: true }))).toBe(false);
  });

  it.each([
    [{ retryable: true }, true],
    [{ retryable: true, overloaded: true }, false],
    [{ overloaded: true }, false],
    [{}, false],
  ])('lets an object be asked again after %j: %s (SECURITY 23)', (marks, again) => {
    expect(mayAskAgain(error('Network connection lost.', marks))).toBe(again);
  });
});

describe('faults of storage that do not (CONTRACT §8)', () => {
  it.each([
    ['D1_ERROR: no such column: sekret at offset 7: SQLITE_ERROR', 'D1_ERROR: no such column (SQLITE_ERROR)'],
    ['D1_ERROR: no such table: client: SQLITE_ERROR', 'D1_ERROR: no such table (SQLITE_ERROR)'],
    [
      'D1_ERROR: UNIQUE constraint failed: sekret.name: SQLITE_CONSTRAINT',
      'D1_ERROR: UNIQUE constraint failed (SQLITE_CONSTRAINT)',
    ],
    [
      'D1_ERROR: UNIQUE constraint failed: a.b: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)',
      'D1_ERROR: UNIQUE constraint failed (SQLITE_CONSTRAINT_UNIQUE)',
    ],
    ['UNIQUE constraint failed: a.b: SQLITE_CONSTRAINT', 'UNIQUE constraint failed (SQLITE_CONSTRAINT)'],
    [
      'D1_ERROR: near "sekret": syntax error at offset 3: SQLITE_ERROR',
      'D1_ERROR: syntax error (SQLITE_ERROR)',
    ],
    ['D1_ERROR: database is locked: SQLITE_BUSY', 'D1_ERROR: database is locked (SQLITE_BUSY)'],
    ['D1_ERROR: D1 DB exceeded its CPU time limit and was reset.', 'D1_ERROR: exceeded its CPU time limit'],
    ['D1_ERROR: Exceeded maximum DB size.', 'D1_ERROR: Exceeded maximum DB size'],
    ["D1_TYPE_ERROR: Type 'object' not supported for value 'sekret'", 'D1_TYPE_ERROR'],
    ["D1_TYPE_ERROR: Type 'object' not supported for value 'Network connection lost.'", 'D1_TYPE_ERROR'],
    ['D1_ERROR: something sekret', 'D1_ERROR'],
    ['D1_COLUMN_NOTFOUND: sekret', 'D1_COLUMN_NOTFOUND'],
    ['KV PUT failed: 413 Value length of 3 exceeds limit of 2', 'KV PUT failed: 413'],
    ['KV put() limit exceeded for the day.', 'KV put(): limit exceeded for the day'],
  ])('names %s', (message, code) => {
    const answer = faultAnswer(error(message));

    expect(isPassing(error(message))).toBe(false);
    expect(storageCode(error(message))).toBe(code);
    expect(answer).toMatchObject({ status: 500, type: 'server_error', text: expect.stringContaining(code) });
    expect(answer).not.toHaveProperty('retryAfter');
    expect(JSON.stringify([answer, faultFacts(error(message))])).not.toContain('sekret');
  });

  it.each([
    error('boom'),
    error('D1_'),
    new TypeError('x is undefined'),
    'D1_ERROR: thrown as text',
    undefined,
  ])('gives %s no code', (fault) => {
    expect(storageCode(fault)).toBeNull();
    expect(faultAnswer(fault)).toMatchObject({ status: 500, type: 'server_error' });
  });
});
