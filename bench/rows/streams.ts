import { expectIn, sendMcp, tokenOf, toolCall } from './mcp.ts';
import type { Row } from './row.ts';

const SIDES = ['direct', 'forwarder', 'peer', 'toolgate'];
const BIG = 10 * 1024 * 1024;

/** When the second event of `later` comes: a first byte as late as that was held back. Milliseconds. */
const SECOND_EVENT = 200;
/** What this row is about is how long a stream takes in a Worker that has been at work, not the first ones after a start. */
const AT_WORK = { parallel: 32, requests: 320 };

function streamed(name: string, tool: string): Row {
  return {
    name,
    sides: SIDES,
    amounts: [
      { parallel: 1, requests: 6 },
      { parallel: 4, requests: 8 },
    ],
    begin: async (side) => async (n, sender) => {
      const { status, bytes } = await sendMcp(side, tokenOf(side, sender), toolCall(n, tool), true);
      if (status !== 200 || bytes < BIG) throw new Error(`/mcp answered ${status} with ${bytes} bytes`);
      return { bytes };
    },
  };
}

export const STREAM_ROWS: readonly Row[] = [
  {
    name: 'first SSE event',
    sides: SIDES,
    amounts: [{ parallel: 1, requests: 12, warmUp: AT_WORK }],
    begin: async (side) => async (n, sender) => {
      const answer = await sendMcp(side, tokenOf(side, sender), toolCall(n, 'later'));
      expectIn(answer, 'notifications/message');
      if (answer.firstByte >= SECOND_EVENT) throw new Error('the first event waited for the second');
      return { milliseconds: answer.firstByte };
    },
  },
  streamed('10 MiB as SSE', 'big_as_events'),
  streamed('10 MiB as JSON', 'big'),
];
