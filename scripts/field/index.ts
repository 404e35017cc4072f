import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdminApi } from '../admin-api.ts';
import { ROOT } from '../dev/state.ts';
import { installPackages } from '../packages.ts';
import { run, Stop } from '../stop.ts';
import { FieldGateway } from './gateway.ts';
import { FieldProcess, HOME } from './process.ts';
import { FIELD, type FieldServer } from './servers.ts';
import { pageOf, type Row } from './table.ts';
import { askDirectly, type Clients, called, connectAll, type Direct, listed, progressed } from './walk.ts';

/** A server under way: its row is complete once the gateway has been restarted. */
type Walked = { row: Row; process: FieldProcess; direct: Direct; clients: Clients };

/** `npm run field [name …]`: servers from npm behind the gateway, and what official clients meet there. All of them: docs/field.md. */
await run(async () => {
  const names = process.argv.slice(2);
  const chosen = FIELD.filter(({ name }) => !names.length || names.includes(name));
  if (!chosen.length)
    throw new Stop(`No such server. There are: ${FIELD.map(({ name }) => name).join(', ')}.`);
  installPackages(HOME); // about a gigabyte

  const gateway = await FieldGateway.start();
  const walked: Walked[] = [];
  try {
    for (const server of chosen) walked.push(await walk(server, gateway));
    await gateway.restart();
    for (const one of walked) {
      one.row.gatewayRestarted = await called(one.clients, one.row.server.good, one.direct.good);
    }
  } finally {
    for (const { clients } of walked)
      for (const { connection } of clients) await connection.close().catch(() => undefined);
    await Promise.all(walked.map(({ process }) => process.stop()));
    await gateway.stop();
  }
  const page = pageOf(walked.map(({ row }) => row));
  if (!names.length) writeFileSync(join(ROOT, 'docs/field.md'), page);
  console.log(page);
  if (page.includes('| 0 of') || / [12] of 3 /.test(page)) process.exitCode = 1;
});
process.exit();

async function walk(server: FieldServer, gateway: FieldGateway): Promise<Walked> {
  console.log(server.name);
  const running = await FieldProcess.start(server);
  const direct = await askDirectly(running);
  const { url, admin_token, virtual_key } = gateway.facts;
  const { client } = await new AdminApi(url, admin_token).send<{ client: { endpoint_slug: string } }>(
    'POST',
    '/api/mcp/client',
    {
      name: server.name,
      connection_type: 'http',
      connection_string: running.url,
      allow_on_all_virtual_keys: true,
    },
  );
  const clients = await connectAll(`${url}/mcp/${client.endpoint_slug}`, virtual_key);
  const row: Row = {
    server,
    version: running.version,
    tools: direct.tools.length,
    list: await listed(clients, direct),
    call: await called(clients, server.good, direct.good),
    error: await called(clients, server.bad, direct.bad),
    progress: await progressed(clients, server, direct),
    serverRestarted: null,
    gatewayRestarted: null,
  };
  await running.restart();
  row.serverRestarted = await called(clients, server.good, direct.good);
  return { row, process: running, direct, clients };
}
