import type { OAuthMemory } from '../../demo/clients.ts';
import { AdminApi, type Server, type VirtualKey } from '../admin-api.ts';
import type { DevFacts } from '../dev/state.ts';
import { allowApp } from '../screenshots/furnish.ts';
import { NAMES } from './names.ts';
import type { Peer } from './peer.ts';

/** Of how many servers one has a name as long as it may be. */
const LONG = 4;
/** Requests to the gateway at one time, where many are made. */
const PARALLEL = 8;

/** `begins`: how its name begins, wherever that is cut. */
export type LongServer = Server & { begins: string };

/** What one run finds at the gateway, made for it alone. */
export type Cast = {
  /** Part of every name that is made by hand. */
  run: string;
  /** What the developer calls a server. */
  added: string;
  /** The key of someone whose app asks; its name is hostile. */
  holder: VirtualKey;
  /** A key among many, and the part of its name by which it is looked for. */
  sought: VirtualKey & { part: string };
  /** An app that is to lose its access, and how its name begins. */
  doomed: { name: string; memory: OAuthMemory };
  /** Servers with hostile names: one that gets into trouble, and one of which tools are chosen. */
  troubled: LongServer;
  chosen: LongServer;
  /** Names to give, hostile in another way each. */
  names: readonly string[];
  /** What a setting becomes. */
  minutes: number;
};

/** A gateway full of servers and keys with hostile names. */
export class Crowd {
  readonly api: AdminApi;
  readonly facts: DevFacts;
  readonly peer: Peer;
  /** With 40 tools each, open to keys that name them. */
  readonly servers: Server[] = [];

  constructor(facts: DevFacts, peer: Peer) {
    this.facts = facts;
    this.api = new AdminApi(facts.url, facts.admin_token);
    this.peer = peer;
  }

  /** Adds servers until there are as many of its own. */
  async growTo(servers: number): Promise<void> {
    for (let at = this.servers.length; at < servers; at++) {
      const name = serverName(at);
      const connection_string = this.peer.addressOf(name);
      await this.api.send('POST', '/api/mcp/client', {
        ...{ name, connection_string, connection_type: 'http', auth_type: 'none', tools_to_execute: ['*'] },
        allow_on_all_virtual_keys: false,
      });
      const { clients } = await this.api.get<{ clients: Server[] }>(`/api/mcp/clients?search=${name}`);
      this.servers.push(...clients.filter((one) => one.name === name));
    }
  }

  /** Makes keys, each with a hostile name of its own. */
  async addKeys(count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, at) => hostile(at, String(at)));
    const [one] = this.servers;
    const make = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop())
        await this.newKey(name, one ? [one.name] : []);
    };
    await Promise.all(Array.from({ length: PARALLEL }, make));
  }

  /** @param number of the run: nothing it makes is called as in another */
  async castOf(number: number): Promise<Cast> {
    const { clients } = await this.api.get<{ clients: Server[] }>('/api/mcp/clients?limit=500');
    const all = clients.map(({ name }) => name);
    const run = `r${number}`;
    const part = `payroll-${run}`;
    const holder = await this.newKey(hostile(number, `holder ${run}`), all);
    const sought = await this.newKey(`${'W'.repeat(90)}${part}${'W'.repeat(90)}`, all);
    const name = hostile(number % 4, `doomed ${run}`); // one of those that can be looked for
    return {
      run,
      added: `${'W'.repeat(45)}_${run}`,
      holder,
      sought: { ...sought, part },
      doomed: { name, memory: await allowApp(this.api, holder.value, name) },
      troubled: this.longServer(2 * number),
      chosen: this.longServer(2 * number + 1),
      names: NAMES.map((_, at) => hostile(at + number, run)),
      minutes: 2 + (number % 12),
    };
  }

  /** Deletes the server `name`: one of the demo's, or of a developer whose journey is over. */
  async remove(name: string): Promise<void> {
    const { clients } = await this.api.get<{ clients: Server[] }>(`/api/mcp/clients?search=${name}`);
    for (const one of clients)
      if (one.name === name) await this.api.send('DELETE', `/api/mcp/client/${one.id}`);
  }

  /** The key as it is now. */
  async keyNow({ id }: VirtualKey): Promise<VirtualKey> {
    const { virtual_key } = await this.api.get<{ virtual_key: VirtualKey }>(
      `/api/governance/virtual-keys/${id}`,
    );
    return virtual_key;
  }

  private longServer(at: number): LongServer {
    const server = this.servers[(at * LONG) % this.servers.length] as Server;
    return { ...server, begins: server.name.slice(0, server.name.indexOf('_') + 1) };
  }

  private async newKey(name: string, servers: readonly string[]): Promise<VirtualKey> {
    const mcp_configs = servers.map((server) => ({ mcp_client_name: server, tools_to_execute: ['*'] }));
    const body = { name, mcp_configs };
    const made = await this.api.send<{ virtual_key: VirtualKey }>(
      'POST',
      '/api/governance/virtual-keys',
      body,
    );
    return made.virtual_key;
  }
}

/** Every fourth has 64 letters without a place to break: the beginning tells them apart, and once more the end. */
function serverName(at: number): string {
  if (at % LONG) return `S${at}_tracker`;
  const letters = at % (2 * LONG) ? 'Llanfairpwllgwyngyll'.repeat(4) : 'W'.repeat(64);
  return `${`S${at}_${letters}`.slice(0, 63 - String(at).length)}z${at}`;
}

/** A hostile name of 200 characters at most, unlike any other: it ends in `end`, which is as blank as the rest where that is. */
function hostile(at: number, end: string): string {
  const name = NAMES[at % NAMES.length] as string;
  if (!name.replaceAll(BLANK, '')) return name + blankly(end);
  let begin = '';
  for (const letter of name) if (begin.length + letter.length + end.length < 200) begin += letter;
  return `${begin} ${end}`;
}

const BLANK = '\u3164';

/** Text in letters of which nothing is to be seen, a bit each. */
function blankly(text: string): string {
  const bits = [...text].map((letter) => letter.charCodeAt(0).toString(2).padStart(7, '0')).join('');
  return bits.replaceAll('0', BLANK).replaceAll('1', '\u2800');
}

/** How a name begins where a page shows it. */
export function beginningOf(name: string): RegExp {
  if (!name.replaceAll(BLANK, '').replaceAll('\u2800', '')) return /^(\(no visible name\)|The app at)/; // an app is then called by where it returns to
  const [letters = ''] = name.split('\u0301');
  return new RegExp(`^\u2068?${[...letters].slice(0, 8).join('')}`, 'u');
}
