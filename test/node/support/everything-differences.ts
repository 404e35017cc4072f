import type { Difference } from './everything-compare';

/** A difference that is as it should be. `by`: at which clients; all, where it is not said. */
export type Known = { by?: RegExp; step?: RegExp; path: RegExp; why: string };

const MODERN = /2026/;

/** What is other through the gateway than at the server itself, and why. Each is met. */
export const ALLOWED: readonly Known[] = [
  {
    by: MODERN,
    step: /^the greeting$/,
    path: /^(sent|received\.0\.result\.(protocolVersion|serverInfo|supportedVersions|_meta))\b/,
    why: 'the server has no 2026-07-28: this client meets it directly as a client of 2025, with `initialize` in place of `server/discover`',
  },
  {
    by: MODERN,
    path: /^sent\.\d+\.params\._meta\b/,
    why: 'a client of 2026-07-28 says its revision and capabilities with each request',
  },
  {
    by: MODERN,
    path: /^received\.\d+\.result\.(resultType|ttlMs|cacheScope)$/,
    why: 'results of 2026-07-28 say whether they are whole, and how long they may be kept (PROTOCOL §2)',
  },
  {
    by: MODERN,
    step: /\/list$/,
    path: /^received\.0\.result\._meta$/,
    why: 'SDK 2 knows a server of 2026-07-28 by `_meta`, which answers of the gateway carry',
  },
  {
    by: MODERN,
    step: /cancelled$/,
    path: /^sent\.1$/,
    why: 'a client of 2026-07-28 cancels by closing the stream',
  },
  {
    by: MODERN,
    step: /^tools\/call (toggle-.* off|gzip-file-as-resource as a link)/,
    path: /^received\.\d\.(result|error)/,
    why: 'a client of 2026-07-28 with an access key has a session at the server for each call (PROTOCOL §1): the server remembers nothing of the call before',
  },
  {
    step: /no-such-tool$/,
    path: /^received\.0\.(result|error)$/,
    why: 'an unknown tool is −32602 "Unknown tool", like one the caller may not use (CONTRACT §6)',
  },
  {
    step: /^prompts\/get of nothing$/,
    path: /^received\.0\.error\.message$/,
    why: 'an unknown prompt is refused like one the caller may not use, in the words of the gateway',
  },
  {
    step: /^resources\/list$/,
    path: /^received\.0\.result\.resources\.\d+$/,
    why: 'lists are the same for every client (PROTOCOL §5): what a tool made in one session is read, and not listed',
  },
  {
    step: /^the greeting$/,
    path: /^received\.0\.result\.capabilities\.tasks\.list$/,
    why: 'tasks are listed only at servers where everyone has an account of their own (PROTOCOL §5)',
  },
  {
    step: /as a task/,
    path: /^received\.2\.result\.(tasks\.0|_meta)$/,
    why: 'tasks are listed only at servers where everyone has an account of their own (PROTOCOL §5): elsewhere the list is empty',
  },
  {
    by: MODERN,
    step: /^the greeting$/,
    path: /^received\.0\.result\.capabilities\.(tasks|extensions)$/,
    why: 'tasks are an extension in 2026-07-28, which the gateway offers',
  },
  {
    step: /^completion\/complete of nothing$/,
    path: /^received\.0\.error\.message$/,
    why: 'an unknown reference is refused like one the caller may not use, in the words of the gateway',
  },
  {
    by: MODERN,
    step: /(elicitation|sampling)/,
    path: /^(sent|received)/,
    why: 'what the server asks by requests of its own reaches a client of 2026-07-28 as `input_required`, and the client calls again (decision 0073); how the call ends is the same',
  },
  {
    by: MODERN,
    step: /roots|progress/,
    path: /^(sent|received)/,
    why: 'a session of the 2025 era asks for the roots once, a call of 2026-07-28 each time',
  },
  {
    by: MODERN,
    step: /without a task$/,
    path: /^received\.0\.result/,
    why: 'a tool that has to be a task is waited for where the client has no tasks (decision 0076)',
  },
  {
    step: /^what the server says/,
    path: /./,
    why: 'that a list has changed is told when the list of this client has, task states come with the request that wants them, and log lines and roots at the sessions that are there',
  },
];

export function isKnown(known: Known, client: string, { step, path }: Difference): boolean {
  return (known.by?.test(client) ?? true) && (known.step?.test(step) ?? true) && known.path.test(path);
}
