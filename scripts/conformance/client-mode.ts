import { join } from 'node:path';
import { type Accounts, type Behind, variableOf } from './behind.ts';
import { HOME, type Outcome, runSuite } from './suite.ts';

/** How long a scenario's client may take. The suite starts a whole suite's at once. */
const TIMEOUT_MS = 120_000;

/** One run of the suite with the gateway as the client under test. */
export type ClientRun = { title: string; args: readonly string[]; accounts?: Accounts };

export const CLIENT_RUNS: readonly ClientRun[] = [
  { title: '`--suite auth`', args: ['--suite', 'auth'] },
  {
    title: '`--suite auth --spec-version 2026-07-28`',
    args: ['--suite', 'auth', '--spec-version', '2026-07-28'],
  },
  { title: '`--suite auth`, own accounts', args: ['--suite', 'auth'], accounts: 'per_user_oauth' },
  { title: '`--suite draft` (2026-07-28)', args: ['--suite', 'draft'] },
  { title: '`--suite backcompat` (2025-03-26)', args: ['--suite', 'backcompat'] },
  ...[
    'initialize',
    'tools_call',
    'sse-retry',
    'elicitation-sep1034-client-defaults',
    'json-schema-2020-12-preservation',
  ].map((scenario) => ({ title: `\`--scenario ${scenario}\``, args: ['--scenario', scenario] })),
  { title: '`--suite extensions`', args: ['--suite', 'extensions'] },
];

/** Scenarios that are run and not counted, each with its reason. */
export const NOT_COUNTED: ReadonlyMap<string, string> = new Map([
  [
    'auth/client-credentials-jwt',
    'the gateway is a client for people: CONTRACT §7 has no client_credentials grant',
  ],
  [
    'auth/client-credentials-basic',
    'the gateway is a client for people: CONTRACT §7 has no client_credentials grant',
  ],
  [
    'auth/enterprise-managed-authorization',
    'CONTRACT §7 exchanges the tokens of sign-ins by RFC 8693 (`token_exchange`), not for assertions between companies (ID-JAG)',
  ],
  ['auth/wif-jwt-bearer', 'the gateway has no workload identity: CONTRACT §7 has no jwt-bearer grant'],
  ['auth/dpop', 'CONTRACT §7 sends Bearer tokens'],
  ['auth/dpop-nonce', 'CONTRACT §7 sends Bearer tokens'],
]);

/** Runs the suite in client mode against the gateway. */
export async function runClient(
  behind: Behind,
  { title, args, accounts = 'oauth' }: ClientRun,
): Promise<Outcome[]> {
  console.log(title);
  const command = `node ${join(HOME, 'client.ts')}`;
  return runSuite(
    ['client', '--command', command, '--timeout', String(TIMEOUT_MS), ...args],
    variableOf(behind, accounts),
  );
}
