import { existsSync } from 'node:fs';
import { styleText } from 'node:util';
import { accountServers, everythingServer } from '../../demo/servers.ts';
import { AdminApi } from '../admin-api.ts';
import { requireNoArguments, run, Stop } from '../stop.ts';
import { DemoServer } from './demo-server.ts';
import { Gateway } from './gateway.ts';
import { freePort, freePortFrom } from './ports.ts';
import { demoKey, registerDemoServers } from './setup.ts';
import { type DevFacts, DevState } from './state.ts';
import { ensureDevVars } from './vars.ts';

const DEFAULT_PORT = 8787;

/** What is known of the gateway once it runs. */
type GatewayFacts = Omit<DevFacts, 'demo_server' | 'demo_accounts'>;

/** A part of what runs, which `npm run dev` must end before it ends itself. */
type Part = { stop(): Promise<void> };

/** `npm run dev`: the gateway on this machine, with demo servers behind it and a key to use them. */
await run(async () => {
  requireNoArguments('PORT=9000 npm run dev chooses the port.');
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
  const state = new DevState(process.env);
  state.lock();
  const parts: Part[] = [];
  try {
    await Promise.race([serve(state, parts), interrupted]);
  } finally {
    await Promise.all(parts.map((part) => part.stop()));
    state.unlock();
  }
});
process.exit();

/** Starts everything, then waits for as long as the gateway runs. What it starts stands in `parts`. */
async function serve(state: DevState, parts: Part[]): Promise<void> {
  const { values, added } = ensureDevVars(state.devVars);
  if (added.length) console.log(`Made ${added.join(' and ')} in ${state.devVars}`);
  if (added.includes('ENCRYPTION_KEY') && existsSync(state.persistTo)) {
    console.log(
      `What an earlier key sealed in ${state.persistTo} does not open any more. Delete that folder to begin with nothing.`,
    );
  }
  const port = await choosePort(process.env.PORT);

  let facts: GatewayFacts | null = null;
  const save = () =>
    facts &&
    state.save({
      ...facts,
      demo_server: { url: `${demo.origin}/mcp`, pid: demo.pid },
      demo_accounts: { url: accounts.origin, pid: accounts.pid },
    });
  const demo = new DemoServer(everythingServer(await freePort()), save);
  const accounts = new DemoServer(accountServers(await freePort()), save);
  const gateway = new Gateway(state, port, await freePort());
  parts.push(demo, accounts, gateway);

  const setUp = async () => {
    await Promise.all([demo.start(), accounts.start(), gateway.ready]);
    const url = `http://localhost:${port}`;
    const api = new AdminApi(url, values.ADMIN_TOKEN);
    await registerDemoServers(api, demo.origin, accounts.origin);
    facts = {
      url,
      mcp_url: `${url}/mcp`,
      issuer: (await api.issuer()) ?? url,
      admin_token: values.ADMIN_TOKEN,
      virtual_key: await demoKey(api, state.facts()?.virtual_key),
      pid: process.pid,
    };
    save();
    printWhatNext(facts);
    gateway.speak();
    await gateway.ended;
  };
  await Promise.race([setUp(), gateway.ended]);
}

async function choosePort(asked: string | undefined): Promise<number> {
  const wanted = Number(asked || DEFAULT_PORT);
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_535) {
    throw new Stop(`PORT must be a number from 1 to 65535, and is "${asked}".`);
  }
  const port = await freePortFrom(wanted);
  if (port !== wanted) console.log(`Port ${wanted} is taken, so this is on port ${port}.`);
  return port;
}

function printWhatNext(facts: GatewayFacts): void {
  const strong = (text: string) => styleText('bold', text);
  console.log(`
${strong('Toolgate is running.')} Ctrl-C stops it.

  Administration ${strong(`${facts.url}/admin`)}
  Admin token    ${strong(facts.admin_token)}   (sign in with it)
  Connect an app ${strong(facts.url)}
  Your apps      ${facts.url}/me

  MCP endpoint   ${strong(facts.mcp_url)}
  Access key     ${strong(facts.virtual_key)}   (opens the demo servers)

The servers: demo, for everyone; calendar, where each person signs in with their own account (any name works);
tickets, which wants each person's own key (key-of- and a name).

Connect an app: it opens a browser, where you paste the access key.
  claude mcp add --transport http toolgate ${facts.mcp_url}

Connect with the key alone, without a browser:
  claude mcp add --transport http toolgate ${facts.mcp_url} --header "Authorization: Bearer ${facts.virtual_key}"

See the whole flow, driven by the official SDK clients (in another terminal):
  npm run demo

Use the management API:
  curl -H "Authorization: Bearer ${facts.admin_token}" ${facts.url}/api/mcp/clients

The same as JSON: ${process.env.TOOLGATE_STATE ?? '.wrangler'}/dev.json
`);
}
