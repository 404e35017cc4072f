import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Connection, SDK_CLIENTS } from '../../demo/clients.ts';
import { consent } from '../../demo/consent.ts';
import { freePort } from '../../scripts/dev/ports.ts';
import { App } from './support/app.ts';
import { Command, DevSession, isAlive, StateFolder } from './support/dev-session.ts';

const [client] = SDK_CLIENTS;

describe('npm run dev', () => {
  let state: StateFolder;
  let dev: DevSession;
  beforeAll(async () => {
    state = new StateFolder();
    dev = await DevSession.start(state);
  });
  afterAll(async () => {
    await dev?.stop();
    state.remove();
  });

  const connect = (): Promise<Connection> => {
    const { mcp_url, virtual_key } = dev.facts;
    return (client as (typeof SDK_CLIENTS)[number]).connect(mcp_url, {
      authorization: `Bearer ${virtual_key}`,
    });
  };

  it('tells a person and a program the same: where it is and what opens it', () => {
    const { url, mcp_url, issuer, admin_token, virtual_key, pid } = dev.facts;

    expect(mcp_url).toBe(`${url}/mcp`);
    expect(issuer).toBe(url);
    expect(virtual_key).toMatch(/^sk-bf-/);
    expect(isAlive(pid)).toBe(true);
    expect(dev.command.output).toContain(`claude mcp add --transport http toolgate ${mcp_url}\n`);
    for (const fact of [virtual_key, admin_token, 'npm run demo']) expect(dev.command.output).toContain(fact);
    for (const file of ['dev.json', '.dev.vars'])
      expect(statSync(join(state.path, file)).mode & 0o777).toBe(0o600);
  });

  it('is what npm run demo walks through with every official SDK client', async () => {
    const demo = new Command(['demo'], state);

    expect(await demo.ended, demo.output).toBe(0);
    for (const { name } of SDK_CLIENTS) expect(demo.output).toContain(name);
    expect(demo.output).toContain('Echo: hello through the gateway');
    for (const form of ["a tool result's text", 'error -32042', 'input_required']) {
      expect(demo.output).toMatch(new RegExp(`asked for an account +${form}: ${dev.facts.url}/connect/`));
    }
    for (const name of ['Ada', 'Ben', 'Cleo']) {
      expect(demo.output.match(new RegExp(`-whoami +You are ${name}[.]`, 'g'))).toHaveLength(2); // at both servers
    }
  });

  it('forbids guessing at the content type of static files', async () => {
    for (const path of ['/toolgate.css', '/toolgate.js', '/favicon.svg']) {
      const file = await fetch(dev.facts.url + path);
      await file.body?.cancel();
      expect([path, file.status, file.headers.get('x-content-type-options')]).toEqual([path, 200, 'nosniff']);
    }
    expect((await fetch(`${dev.facts.url}/_headers`)).status).toBe(404);
  });

  it('is started once for each state, and a second start says so', async () => {
    const second = new Command(['dev'], state);

    expect(await second.ended).toBe(1);
    expect(second.output).toContain('TOOLGATE_STATE=');
  });

  it('goes on without the demo server, and brings it back', async () => {
    const connection = await connect();
    const { url, pid } = dev.facts.demo_server;
    process.kill(dev.facts.pid, 'SIGSTOP'); // so that it is not brought back before we have looked
    try {
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(isReachable(url)).resolves.toBe(false));

      expect(await connection.listTools()).toContain('demo-echo');
      const refused = await connection.callTool('demo-echo', { message: 'anyone?' });
      expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('demo') });
    } finally {
      process.kill(dev.facts.pid, 'SIGCONT');
    }

    await vi.waitFor(() => expect(isReachable(url)).resolves.toBe(true), { timeout: 30_000, interval: 200 });
    const answer = await connection.callTool('demo-echo', { message: 'welcome back' });
    expect(answer).toEqual({ isError: false, text: 'Echo: welcome back' });
    await vi.waitFor(() => expect(state.facts()?.demo_server.pid).not.toBe(pid));
    await connection.close();
  });

  /** What an app sent, and was answered, in the query of a URL. */
  const secrets: string[] = [];

  it('ends with everything it started on Ctrl-C', async () => {
    secrets.push(...(await letAppIn(dev)));
    const processes = dev.command.processes();
    expect(processes.length).toBeGreaterThan(4); // npm, dev, wrangler, workerd, the demo servers

    await dev.stop();

    await vi.waitFor(() => expect(processes.filter(isAlive)).toEqual([]), { timeout: 10_000 });
  });

  it('leaves no code and no state on disk (SECURITY 33)', () => {
    const files = readdirSync(state.path, { recursive: true, encoding: 'utf8' });
    const paths = files.map((file) => join(state.path, file)).filter((path) => statSync(path).isFile());
    const holding = paths.filter((path) => {
      const text = readFileSync(path, 'latin1');
      return secrets.some((secret) => text.includes(secret)) || /[?&](code|state)=[\w.%-]{6}/.test(text);
    });

    expect(secrets).toHaveLength(2);
    expect(paths.some((path) => path.endsWith('.sqlite'))).toBe(true);
    expect(holding).toEqual([]);
  });

  it('starts again with the same secrets and key, on the next port when its own is taken', async () => {
    const before = dev.facts;
    const secrets = readFileSync(join(state.path, '.dev.vars'), 'utf8');
    const port = await freePort();
    const traces = join(state.path, 'state/v3/observability'); // as earlier versions left them
    mkdirSync(traces, { recursive: true });
    const squatter = createServer().listen(port, '127.0.0.1');

    dev = await DevSession.start(state, { PORT: String(port), DISPLAY_NAME: 'Journey Gate' });

    squatter.close();
    expect(existsSync(traces)).toBe(false);
    expect(dev.command.output).toContain(`Port ${port} is taken`);
    expect(dev.facts.url).not.toContain(String(port));
    expect(dev.facts).toMatchObject({ admin_token: before.admin_token, virtual_key: before.virtual_key });
    expect(readFileSync(join(state.path, '.dev.vars'), 'utf8')).toBe(secrets);
    const connection = await connect(); // the demo server has another port, and its tools work
    expect(await connection.callTool('demo-echo', { message: 'again' })).toEqual({
      isError: false,
      text: 'Echo: again',
    });
    await connection.close();
    const metadata = await fetch(`${dev.facts.url}/.well-known/oauth-protected-resource/mcp`);
    expect(await metadata.json()).toMatchObject({ resource_name: 'Journey Gate' }); // settings are handed on
  });
});

describe('npm run demo', () => {
  it('says what to start when nothing runs', async () => {
    const state = new StateFolder();

    const demo = new Command(['demo'], state);

    expect(await demo.ended).toBe(1);
    expect(demo.output).toContain('npm run dev');
    state.remove();
  });
});

/** An app connects and redeems its code. @returns the state and the code */
async function letAppIn({ facts }: DevSession): Promise<[string, string]> {
  const callback = 'http://127.0.0.1:7777/callback';
  const app = await App.register(facts.url, callback);
  const state = `state-${crypto.randomUUID()}`;
  const asked = new URL(app.authorizationUrl);
  asked.searchParams.set('state', state);
  const back = await consent(asked, { identity: 'virtual_key', virtual_key: facts.virtual_key });
  await app.redeem(back);
  expect(back.searchParams.get('state')).toBe(state);
  return [state, back.searchParams.get('code') ?? ''];
}

async function isReachable(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}
