import { styleText } from 'node:util';
import { AdminApi } from '../scripts/admin-api.ts';
import { DevState } from '../scripts/dev/state.ts';
import { run, Stop } from '../scripts/stop.ts';
import { SDK_CLIENTS } from './clients.ts';
import { type Tell, walkWithConsent, walkWithKey } from './walk.ts';
import { walkWithAccounts, withPerson } from './walk-accounts.ts';

/** `npm run demo`: what a real client does, from nothing but the MCP URL to tool results, with each official SDK. */
await run(async () => {
  const facts = new DevState(process.env).facts();
  const isUp = facts && (await fetch(`${facts.url}/health`).catch(() => null))?.ok;
  if (!facts || !isUp)
    throw new Stop(
      'The gateway does not run here. Start it with "npm run dev" in another terminal, then try again.',
    );

  const answers = { identity: 'virtual_key', virtual_key: facts.virtual_key };
  for (const client of SDK_CLIENTS) {
    await walk(`${client.name}: a person allows it in the browser`, (tell) =>
      walkWithConsent(client, facts.mcp_url, answers, tell),
    );
  }
  for (const client of SDK_CLIENTS) {
    await walk(`${client.name}: a machine with an access key`, (tell) =>
      walkWithKey(client, facts.mcp_url, facts.virtual_key, tell),
    );
  }
  const [v1, v2, modern] = SDK_CLIENTS;
  const people = [
    { client: v1, name: 'Ada', atConsent: 'calendar', opensPages: false },
    { client: v2, name: 'Ben', atConsent: 'tickets', opensPages: true },
    { client: modern, name: 'Cleo', atConsent: 'calendar', opensPages: true },
  ] as const;
  const api = new AdminApi(facts.url, facts.admin_token);
  for (const { client, name, ...how } of people) {
    await walk(`${client.name}: ${name} connects one account at consent and one when it is needed`, (tell) =>
      withPerson(api, name, (person) => walkWithAccounts(client, facts.mcp_url, person, how, tell)),
    );
  }
  console.log(styleText('green', '\nAll of it works.'));
});

async function walk(title: string, steps: (tell: Tell) => Promise<void>): Promise<void> {
  console.log(styleText('bold', `\n${title}`));
  let last = 'the start';
  const tell: Tell = (step, outcome) => {
    console.log(`  ${styleText('green', '✓')} ${step.padEnd(24)} ${outcome}`);
    last = step;
  };
  await steps(tell).catch((error: unknown) => {
    throw new Stop(`${styleText('red', `✗ failed after "${last}":`)} ${sentences(error)}`);
  });
}

/** An error's message with those of what caused it. */
function sentences(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause ? `${error.message} (${sentences(error.cause)})` : `${error.name}: ${error.message}`;
}
