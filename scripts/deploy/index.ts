import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AdminApi, messageOf } from '../admin-api.ts';
import { ROOT } from '../dev/state.ts';
import { newSecret, SECRETS, type SecretName } from '../dev/vars.ts';
import { DEPLOYED_KEYS, keysIn, saveKeys } from '../operations/keys-file.ts';
import { run, Stop } from '../stop.ts';
import { BUNDLED, buildBundle, weighBundle } from './bundle.ts';
import { askWrangler, showWrangler } from './wrangler.ts';

/** What is uploaded. */
const DIST = join(ROOT, 'dist');

/** How long a new address may take to answer: its name and certificate spread over the world first. */
const REACHABLE_MS = 180_000;

/**
 * `npm run deploy`: from an account to a gateway that works. Every step looks first at what is there, so a second run
 * updates the Worker and changes nothing else.
 */
await run(async () => {
  const options = commandLine();
  const askedUrl = options.url === undefined ? undefined : originOf(options.url);

  const worker = await buildBundle(DIST); // without touching any account
  console.log(weighBundle(DIST));
  if (options['dry-run']) return console.log('Dry run: nothing was deployed.');

  requireLogin();
  const name = workerName();
  const present = secretsOf(name);
  const made = new Map(
    SECRETS.filter((secret) => !present?.includes(secret)).map((secret) => [secret, newSecret()]),
  );
  if (made.has('ENCRYPTION_KEY')) made.set('ENCRYPTION_KEY', keptKeys());
  const newToken = made.get('ADMIN_TOKEN');
  let targets: string[];
  try {
    targets = deploy(worker, made, present ? null : namespaceLeftBehind(name));
  } finally {
    // Also after a failure: the upload may have gone through before it, and no one can read a secret back.
    if (made.has('ENCRYPTION_KEY')) {
      console.log(
        `\nENCRYPTION_KEY is in ${DEPLOYED_KEYS}, for its rotation and for restoring a backup. Keep the file where you keep secrets.`,
      );
    }
    if (newToken && mayHaveSecret(name, 'ADMIN_TOKEN')) {
      console.log(`\nADMIN_TOKEN was made. It is shown only now, so keep it:\n  ${newToken}\n`);
    }
  }

  const url = askedUrl ?? addressAmong(targets);
  await reachable(url);
  const issuer = await saveIssuer(url, newToken ?? process.env.ADMIN_TOKEN, askedUrl !== undefined);
  await makeSigningKey(issuer);
  console.log(`
Toolgate runs at ${issuer}

  MCP endpoint   ${issuer}/mcp
  Health         curl -H "Authorization: Bearer <ADMIN_TOKEN>" ${issuer}/health

Next: add a server and an access key, then connect a client.
  curl -H "Authorization: Bearer <ADMIN_TOKEN>" ${issuer}/api/mcp/client -d '{"name": "…", "connection_type": "http", "connection_string": "https://…", "auth_type": "none"}'
  curl -H "Authorization: Bearer <ADMIN_TOKEN>" ${issuer}/api/governance/virtual-keys -d '{"name": "…", "mcp_configs": [{"mcp_client_name": "…", "tools_to_execute": ["*"]}]}'
  claude mcp add --transport http toolgate ${issuer}/mcp
`);
});

/** The keys that an administrator kept of this gateway, else a new one, kept before anything is sealed with it. */
function keptKeys(): string {
  const kept = keysIn(DEPLOYED_KEYS);
  if (kept) return kept;
  const key = newSecret();
  saveKeys(DEPLOYED_KEYS, [key]);
  return key;
}

/** The options. @throws Stop for one that there is not */
function commandLine(): { 'dry-run'?: boolean; url?: string } {
  try {
    return parseArgs({ options: { 'dry-run': { type: 'boolean' }, url: { type: 'string' } } }).values;
  } catch (error) {
    throw new Stop(error instanceof Error ? error.message : String(error));
  }
}

function originOf(url: string): string {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:' || new URL(url).pathname !== '/') {
    throw new Stop(
      `--url must be the gateway's https origin, such as https://tools.example.com, and is "${url}".`,
    );
  }
  return new URL(url).origin;
}

function requireLogin(): void {
  try {
    askWrangler(['whoami', '--json']);
  } catch {
    throw new Stop(
      'You are not logged in to Cloudflare. Run "npx wrangler login", or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, then try again.',
    );
  }
}

function workerName(): string {
  const [, name] = /^name\s*=\s*"([^"]+)"/m.exec(wranglerToml()) ?? [];
  if (!name) throw new Stop('wrangler.toml names no Worker: it needs a line such as name = "toolgate".');
  return name;
}

function wranglerToml(): string {
  return readFileSync(join(ROOT, 'wrangler.toml'), 'utf8');
}

/** The names of the secrets the deployed Worker has; null when it was never deployed. */
function secretsOf(name: string): string[] | null {
  try {
    const secrets = JSON.parse(askWrangler(['secret', 'list', '--name', name, '--format', 'json'])) as {
      name: string;
    }[];
    return secrets.map((secret) => secret.name);
  } catch (error) {
    if (error instanceof Stop && error.message.includes(`Worker "${name}" not found`)) return null;
    throw error;
  }
}

/** False only when Cloudflare says that the Worker has no such secret. */
function mayHaveSecret(worker: string, secret: SecretName): boolean {
  try {
    return secretsOf(worker)?.includes(secret) ?? false;
  } catch {
    return true;
  }
}

/**
 * The id of the KV namespace that a first deployment made before it failed. Wrangler finds a database again by its
 * name, but would try to make the namespace a second time.
 */
function namespaceLeftBehind(name: string): string | null {
  const namespaces = JSON.parse(askWrangler(['kv', 'namespace', 'list'])) as { id: string; title: string }[];
  return namespaces.find(({ title }) => title === `${name}-kv`)?.id ?? null;
}

/**
 * Uploads `worker`, a file, with `secrets` added to those it has. Wrangler makes the database and the namespace when they are
 * missing, and remembers them by their bindings. Returns where the Worker can be reached, as wrangler puts it.
 */
function deploy(
  worker: string,
  secrets: ReadonlyMap<SecretName, string>,
  namespace: string | null,
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-')); // readable by its owner only
  const config = join(ROOT, 'wrangler.deploying.toml'); // beside wrangler.toml: paths in it are relative
  const output = join(folder, 'output.ndjson');
  const args = ['deploy', worker];
  try {
    if (secrets.size) {
      const file = join(folder, 'secrets.json');
      writeFileSync(file, JSON.stringify(Object.fromEntries(secrets)), { mode: 0o600 });
      args.push('--secrets-file', file);
    }
    if (namespace) {
      writeFileSync(config, wranglerToml().replace('binding = "KV"', `$&\nid = "${namespace}"`));
      args.push('--config', config);
    }
    showWrangler(args, { ...BUNDLED, WRANGLER_OUTPUT_FILE_PATH: output });
    const entries = readFileSync(output, 'utf8').trim().split('\n');
    const deployed = entries.map((line) => JSON.parse(line) as { type: string; targets?: string[] });
    return deployed.find(({ type }) => type === 'deploy')?.targets ?? [];
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(config, { force: true });
  }
}

/** The origin among wrangler's targets: a custom domain (`tools.example.com (custom domain)`) before workers.dev. */
function addressAmong(targets: string[]): string {
  const domain = targets.find((target) => target.includes('(custom domain'));
  if (domain) return `https://${domain.split(' ')[0]}`;
  const address = targets.find((target) => target.startsWith('https://'));
  if (address) return new URL(address).origin;
  throw new Stop(
    'The Worker is deployed, but wrangler names no address that is a whole host. Say which one it has:\n  npm run deploy -- --url https://tools.example.com',
  );
}

/** Waits for the first answer, with which the Worker has also brought its database to today's schema. */
async function reachable(url: string): Promise<void> {
  console.log(`Waiting for ${url} to answer …`);
  for (const until = Date.now() + REACHABLE_MS; Date.now() < until; await delay(2000)) {
    const response = await fetch(`${url}/health`).catch(() => null);
    if (!response?.headers.get('content-type')?.startsWith('application/json')) continue;
    if (response.status !== 500) return;
    throw new Stop(`The Worker is deployed, but does not work: ${messageOf(await response.text())}`);
  }
  throw new Stop(
    `The Worker is deployed, but ${url} does not answer yet. Run "npm run deploy" again in some minutes.`,
  );
}

/** Saves `url` as the issuer when there is none yet, or when it was asked for by name. Returns the issuer in effect. */
async function saveIssuer(url: string, token: string | undefined, isAsked: boolean): Promise<string> {
  const api = new AdminApi(url, token ?? '');
  const saved = await api.issuer();
  if (saved === url) return saved;
  if (saved && !isAsked) {
    console.log(
      `The issuer stays ${saved}. To make it ${url}, which ends every token: npm run deploy -- --url ${url}`,
    );
    return saved;
  }
  if (!token && process.env.WORKERS_CI) {
    console.log(
      `Sign in at ${url}/admin with ADMIN_TOKEN: its first page asks whether the address is right.`,
    );
    return saved ?? url;
  }
  if (!token) {
    throw new Stop(
      `The Worker is deployed. Its issuer is ${saved ?? 'not set'}, and setting it needs the administrator's token, made at the first deployment:\n  ADMIN_TOKEN=… npm run deploy -- --url ${url}`,
    );
  }
  await api.send('PUT', '/api/config', { oauth2_server_config: { issuer_url: url }, confirm: true });
  console.log(`Saved ${url} as the issuer.`);
  return url;
}

/** The first request for the keys makes the first one, of the algorithm that is set. Without the OAuth surface (404) none is needed. */
async function makeSigningKey(issuer: string): Promise<void> {
  const response = await fetch(`${issuer}/.well-known/jwks.json`);
  if (response.ok || response.status === 404) return;
  throw new Stop(
    `The Worker is deployed, but its first signing key could not be made (${response.status}: ${messageOf(await response.text())}).\nOn the free plan, the 10 ms of CPU may not suffice for an RSA key. Run "npm run deploy" again, or set OAUTH2_SERVER_CONFIG_SIGNING_ALG = "ES256" in the [vars] of wrangler.toml first: such keys fit.`,
  );
}
