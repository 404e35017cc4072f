import type { RawAnswer } from '../../support/raw-answer';
import type { Behaviour } from '../../support/upstream-setup';
import type { CallKind } from './field-kinds';

const RAN = /^echo ran$/;
const ERROR = /^error: /;

/** A server of sessions that is restarted between two calls, and what it then says of a session it does not know. */
const restarts: CallKind[] = (
  [
    ['404', 404],
    ['400 in JSON-RPC', 400],
    ['400 “Server not initialized”', { status: 400, error: 'Bad Request: Server not initialized' }],
    ['400 in plain words', { status: 400, body: 'Invalid session ID' }],
    ['401 in plain words', { status: 401, body: 'Unauthorized: unknown session' }],
    ['403 in plain words', { status: 403, body: 'Forbidden' }],
    ['410', { status: 410, body: '' }],
    ['422', { status: 422, body: 'Unexpected message, expect initialize request' }],
    ['500 in JSON-RPC', { status: 500, error: 'Session has been terminated' }],
    ['500 in plain words', { status: 500, body: 'Internal Server Error' }],
    ['200 with an error', { status: 200, error: 'Received request before initialization was complete' }],
    [
      '200 with an event',
      {
        status: 200,
        body: 'data: {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"No such session"}}\n\n',
        type: 'text/event-stream',
      },
    ],
  ] as [string, Behaviour['forgetting']][]
).map(([name, forgetting]) => ({
  name: `a restart, and ${name}`,
  becomes: { forgetting },
  restarts: true,
  says: RAN,
  state: 'healthy',
}));

const raw = (echo: RawAnswer): Partial<Behaviour> => ({ raw: { echo } });
const refusal = (id = '$id') =>
  `{"jsonrpc":"2.0","id":${id},"error":{"code":-32077,"message":"not with that"}}`;

/** What a call can meet that is no result: its caller learns the words, and the server does not rest. */
const refusals: CallKind[] = [
  ...[400, 422, 429].map(
    (status): CallKind => ({
      name: `a ${status} to each call`,
      becomes: raw({ status, type: 'text/plain', chunks: ['not like that'] }),
      times: 3, // of two clients: more than five
      says: /^error: .*“not like that”/,
      state: 'healthy',
    }),
  ),
  ...[200, 400, 403, 404, 500].map(
    (status): CallKind => ({
      name: `a JSON-RPC error under ${status}`,
      becomes: raw({ status, chunks: [refusal(status === 404 ? 'null' : '$id')] }),
      says: /^error: .*not with that/,
    }),
  ),
  {
    name: 'a host check that says 403 and a sentence',
    becomes: raw({ status: 403, type: 'text/plain', chunks: ['Invalid Host header'] }),
    says: /^error: .*“Invalid Host header”/,
  },
  {
    name: 'a 401 of a server that takes no credentials',
    becomes: raw({ status: 401, type: 'text/plain', chunks: ['who are you'] }),
    says: /^error: .*who are you/,
  },
];

/** Where a call can be sent on (PROTOCOL §7). */
const redirects: CallKind[] = [
  ...[307, 308].map(
    (status): CallKind => ({
      name: `a ${status} within the origin`,
      becomes: {
        paths: { 'POST /redirects/mcp': { status, headers: { location: '/redirects_moved/mcp' } } },
      },
      says: RAN,
      state: 'healthy',
    }),
  ),
  ...[302, 307].map(
    (status): CallKind => ({
      name: `a ${status} to another origin`,
      becomes: raw({ status, headers: { location: 'http://elsewhere.example/mcp' } }),
      says: /^error: .*redirect/,
    }),
  ),
  { name: 'a 302 to a page', becomes: raw({ status: 302, headers: { location: '/login' } }), says: ERROR },
  {
    name: 'redirects that go round',
    becomes: raw({ status: 307, headers: { location: '/redirects/mcp' } }),
    says: ERROR,
  },
];

/** Failures of a server, which rests after the fifth. */
const failures: CallKind[] = [
  {
    name: 'a 503 to each call',
    becomes: raw({ status: 503, type: 'text/plain', chunks: ['down'] }),
    times: 6,
    says: /^error: .*is left alone/,
    state: 'unstable',
  },
];

const EVENTS = 'text/event-stream';
const result = (text = 'echo ran', id = '$id') =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"${text}"}]}}`;
const late = (text = 'echo ran') =>
  `{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"${text}"}]},"id":$id}`;
const event = (data: string) => `event: message\ndata: ${data}\n\n`;
const log = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"first"}}';
/** How a server can answer a call (PROTOCOL §3), and what its caller gets. */
const answers: CallKind[] = (
  [
    ['an id behind the result', { chunks: [late()] }, RAN],
    ['201', { status: 201, chunks: [result()] }, RAN],
    ['206', { status: 206, chunks: [result()] }, RAN],
    ['a BOM', { chunks: [`\ufeff${result()}`] }, RAN],
    ['a BOM before events', { type: EVENTS, chunks: [`\ufeff${event(result())}`] }, RAN],
    ['other messages before the result', { type: EVENTS, chunks: [event(log), event(result())] }, RAN],
    ['comments, and then the result', { type: EVENTS, chunks: [': wait\n\n', event(result())] }, RAN],
    [
      'an answer in pieces',
      {
        type: EVENTS,
        chunks: result()
          .split(/(?=[,:{])/)
          .map((part, at) => (at ? part : `data: ${part}`))
          .concat('\n\n'),
      },
      RAN,
    ],
    ['two answers', { type: EVENTS, chunks: [event(result()), event(result('second'))] }, RAN],
    ['garbage', { chunks: ['{"jsonrpc":"2.0","id":$id,"res'] }, ERROR],
    ['words', { chunks: ['Hello'] }, ERROR],
    ['nothing', { chunks: [] }, ERROR],
    ['202', { status: 202, type: '' }, ERROR],
    ['204', { status: 204, type: '' }, ERROR],
    ['garbage as an event', { type: EVENTS, chunks: [event('{"jsonrpc"')] }, ERROR],
    ['a stream that ends early', { type: EVENTS, chunks: [event(log)] }, ERROR],
    [
      'JSON that is cut',
      { chunks: ['{"jsonrpc":"2.0","id":$id,"result":{"content":['], finish: 'cut' },
      ERROR,
    ],
  ] as [string, RawAnswer, RegExp][]
).map(([name, echo, says]) => ({ name, becomes: { raw: { echo } }, says }));

/** Calls that are not answered within the time of their server. */
const silent: CallKind[] = (
  [
    ['headers and no more', { finish: 'open' }, ERROR],
    ['comments and no more', { type: EVENTS, chunks: [': wait\n\n'], finish: 'open' }, ERROR],
    [
      'half a result and no more',
      { type: EVENTS, chunks: ['data: {"jsonrpc":"2.0","id":$id,"res'], finish: 'open' },
      ERROR,
    ],
  ] as [string, RawAnswer, RegExp][]
).map(([name, echo, says]) => ({ name, becomes: { raw: { echo } }, says }));

/** Answers told apart by their id, and streams that end before they have one. */
const byId: CallKind[] = (
  [
    [
      'the answer to an earlier request first',
      { type: EVENTS, chunks: [event(result('old', '1')), event(result())] },
      RAN,
    ],
    ['a null id first', { type: EVENTS, chunks: [event(result('null', 'null')), event(result())] }, RAN],
    ['a wrong id', { chunks: [result('wrong', '1')] }, ERROR],
    ['a wrong id behind the result', { chunks: [late('wrong').replace('$id', '1')] }, ERROR],
    ['a wrong id as an event', { type: EVENTS, chunks: [event(result('wrong', '1'))] }, ERROR],
    ['an id that is null', { chunks: [result('wrong', 'null')] }, ERROR],
    ['an array of one', { chunks: [`[${result()}]`] }, RAN],
    ['an array of one as an event', { type: EVENTS, chunks: [event(`[${result()}]`)] }, RAN],
    ['an array of others', { chunks: [`[${log},${result('wrong', '1')}]`] }, ERROR],
    ['a stream that is cut', { type: EVENTS, chunks: ['data: {"jsonrpc":"2.0"'], finish: 'cut' }, ERROR],
  ] as [string, RawAnswer, RegExp][]
).map(([name, echo, says]): CallKind => ({ name, becomes: { raw: { echo } }, says }));
byId.push({
  name: 'a stream that is closed when it was primed, and resumed',
  becomes: {
    raw: { echo: { type: EVENTS, chunks: ['id: 1\nretry: 100\ndata: \n\n'] } },
    resumes: Array(2).fill({ type: EVENTS, chunks: [event(log), event(result())] }),
  },
  inTurn: true,
  says: RAN,
});

/** By the name of the server. */
export const CALLS = { restarts, refusals, redirects, failures, answers, silent, byId };
