import { type Check, checksOf } from '../check.ts';

/** Who calls `/mcp`, and what comes back to it: rounds, questions, tasks. */
export const mcp: Check[] = [
  ...checksOf(
    'mcp',
    'src/mcp/caller.ts',
    ['test/mcp/endpoint.test.ts'],
    [
      ['a token and a key are not sent together', 'if (token !== null && first) {', 'if (false) {'],
      [
        'two keys are not sent together',
        'if (first && presented.some(({ value }) => value !== first.value)) {',
        'if (false) {',
      ],
      [
        'a token is refused in headers mode',
        "if (settings.mcp_server_auth_mode === 'headers') {\n    return",
        'if (false) {\n    return',
      ],
      [
        'a token is for this resource',
        'if (!audiences.includes(claims.aud)) return refused(claims.grant_id);',
        '',
        { story: 'takes a token for /mcp everywhere below' },
      ],
      [
        'a grant stands',
        '!known || endOf(known.grant, { now, issuer }) !== null || known.grant.subject !== sub',
        '!known',
        { story: 'refuses the token of a grant that was revoked' },
      ],
      [
        'an identity stands',
        'if (!mayCall(standingWith(standingIn(identity, settings, now), generation))) return null;',
        '',
        { story: 'refuses the token of a key that was deactivated' },
      ],
      [
        'a grant’s client is there',
        'return grant && hasClient ?',
        'return grant ?',
        { story: 'of a client that was deleted' },
      ],
      [
        'a key is refused in oauth mode',
        "if (settings.mcp_server_auth_mode === 'oauth') {\n    return refuse(",
        'if (false) {\n    return refuse(',
        { story: 'takes a token, and in oauth mode nothing else' },
      ],
      [
        'a key is known',
        "if (!known || refusal === 'unknown') {",
        'if (!known) {',
        { tests: ['test/governance/keys.test.ts'] },
      ],
    ],
  ),
  ...checksOf(
    'mcp',
    'src/mcp/rounds/request-state.ts',
    ['test/mcp/rounds.test.ts'],
    [
      [
        'a state is brought back within ten minutes',
        'if (until <= Date.now()) throw new WrongState();',
        '',
        { story: 'gets no state' },
      ],
      [
        'a state is its caller’s',
        '[caller.subject, by, gate.issuer',
        '[gate.issuer',
        { story: 'gets no state' },
      ],
      [
        'a state is of its key or grant',
        '[caller.subject, by, gate.issuer',
        '[caller.subject, gate.issuer',
        { story: 'an app of the same key sends' },
      ],
      [
        'a state is of its address',
        'gate.issuer, gate.slug, serverId',
        'gate.issuer, serverId',
        { story: 'gets no state' },
      ],
      [
        'a state is of its server',
        'gate.slug, serverId, method',
        'gate.slug, method',
        { story: 'an app of the same key sends' },
      ],
      [
        'a state is of its item',
        'serverId, method, item, args]',
        'serverId, method, args]',
        { story: 'gets no state' },
      ],
      [
        'a state is of its arguments',
        'serverId, method, item, args]',
        'serverId, method, item]',
        { story: 'gets no state' },
      ],
      [
        'a state is of its method',
        'serverId, method, item, args]',
        'serverId, item, args]',
        { story: 'gets no state' },
      ],
    ],
  ),
  ...checksOf(
    'mcp',
    'src/mcp/tasks/task-id.ts',
    ['test/mcp/tasks.test.ts'],
    [
      [
        'a task is its subject’s',
        "`mcp-task/${caller.subject ?? 'anonymous'}/",
        '`mcp-task/',
        { story: 'task' },
      ],
      ['a task is its client session’s', "${session?.id ?? caller.grant?.grantId ?? ''}`", '`'],
    ],
  ),
  ...checksOf(
    'mcp',
    'src/mcp/tasks/task-ids.ts',
    ['test/mcp/tasks.test.ts'],
    [
      [
        'a task is in the session it began in',
        'if (this.asked && this.asked.task.ref !== this.ref) throw unknownTask();',
        '',
        { story: 'are over with the session' },
      ],
    ],
  ),
];
