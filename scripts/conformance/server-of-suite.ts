import { randomBytes } from 'node:crypto';
import { answerPages } from '../../demo/consent.ts';
import { Visitor } from '../../demo/visitor.ts';
import { AdminApi } from '../admin-api.ts';
import { authorizeAsAdministrator } from '../dev/setup.ts';
import { Stop } from '../stop.ts';
import { type AnsweringClient, connectAnswering } from './answering-client.ts';
import type { Accounts, Behind } from './behind.ts';

/** What the suite tells a client of a scenario beforehand: a client registered by hand, calls to make. */
export type Context = {
  client_id?: string;
  client_secret?: string;
  toolCalls?: { name: string; arguments: Record<string, unknown> }[];
};

/** What creating or reauthorizing a server answers while someone has to go to its provider. */
type Pending = { authorize_url?: string; complete_url?: string };
type Created = Pending & { mcp_client_id?: string; client?: { id: string } };

/** Arguments that serve every tool of the suite. */
const ARGUMENTS = { a: 5, b: 3 };

/** Where a person connects an account of their own. */
const LINK = /https?:\/\/\S+\/connect\/[\w-]+/;

/** A tool that wants the schema of the other one back. */
const ECHO = 'json_schema_echo';

/** How often someone goes to a server's provider. */
const MOST_AUTHORIZATIONS = 3;

/** A server of the suite, behind the gateway. */
export class ServerOfSuite {
  private readonly api: AdminApi;
  private readonly behind: Behind & { accounts: Accounts };
  private readonly scenario: string;
  private readonly revision: string;
  private readonly url: string;
  private id = '';
  private authorizations = 0;

  constructor(behind: Behind & { accounts: Accounts }, scenario: string, revision: string, url: string) {
    this.api = new AdminApi(behind.url, behind.admin_token);
    this.behind = behind;
    this.scenario = scenario;
    this.revision = revision;
    this.url = url;
  }

  /** Adds the server, and signs in at its provider as an administrator. */
  async add({ client_id, client_secret }: Context): Promise<void> {
    const created = await this.api.send<Created>('POST', '/api/mcp/client', {
      name: `${this.scenario.replace(/[^A-Za-z0-9]+/g, '_')}_${randomBytes(3).toString('hex')}`,
      connection_type: 'http',
      connection_string: this.url,
      auth_type: this.scenario.startsWith('auth/') ? this.behind.accounts : 'none',
      allow_on_all_virtual_keys: true,
      ...(client_id ? { oauth_config: { client_id, client_secret } } : {}),
    });
    this.id = created.mcp_client_id ?? created.client?.id ?? '';
    await this.authorize(created);
  }

  /** Lists its tools and calls them; goes to its provider again as long as the gateway says so. */
  async use({ toolCalls }: Context): Promise<void> {
    for (;;) {
      const said = await this.call(toolCalls);
      console.log(said.join('\n'));
      const wanting = said.find((answer) => LINK.test(answer) || /authorize .* again/i.test(answer));
      if (wanting === undefined) return;
      if (this.authorizations >= MOST_AUTHORIZATIONS) throw new Stop(wanting);
      const [link] = LINK.exec(wanting) ?? [];
      if (link) await this.connectOwn(link);
      else
        await this.authorize(await this.api.send<Pending>('POST', `/api/mcp/client/${this.id}/reauthorize`));
    }
  }

  /** Opens a connect link as its person does: proves who they are, and connects their own account. */
  private async connectOwn(link: string): Promise<void> {
    this.authorizations++;
    const { virtual_key } = this.behind;
    const { html, status } = await answerPages(new Visitor(this.behind.url), new URL(link), { virtual_key });
    if (!html?.includes('All connected')) throw new Stop(`${link} ended with ${status}`);
  }

  private async authorize({ authorize_url, complete_url }: Pending): Promise<void> {
    if (!authorize_url || !complete_url) return;
    this.authorizations++;
    await authorizeAsAdministrator(this.api, authorize_url, 'conformance');
    await this.api.send('POST', new URL(complete_url, this.behind.url).pathname);
  }

  private async call(wanted: Context['toolCalls']): Promise<string[]> {
    const connection = await this.connect();
    try {
      const listed = await connection.listTools();
      const schema = listed.includes(ECHO) ? await this.schemaOf(listed.find((tool) => tool !== ECHO)) : null;
      const args = { ...ARGUMENTS, ...(schema && { schema }) };
      const calls = wanted ?? listed.map((name) => ({ name, arguments: args }));
      const said: string[] = [];
      for (const { name, arguments: args } of calls) {
        const { isError, text } = await connection.callTool(name, args);
        said.push(`${name}: ${isError ? 'error: ' : ''}${text}`);
      }
      return said;
    } finally {
      await connection.close().catch(() => undefined);
    }
  }

  private async connect(): Promise<AnsweringClient> {
    return connectAnswering(this.revision, await this.address(), this.access);
  }

  /** A tool's `inputSchema` as the gateway lists it, before any SDK has read it. */
  private async schemaOf(tool: string | undefined): Promise<object | null> {
    const headers = { ...this.access, 'content-type': 'application/json', accept: 'application/json' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const response = await fetch(await this.address(), { method: 'POST', headers, body });
    const { result } = (await response.json()) as {
      result: { tools: { name: string; inputSchema: object }[] };
    };
    return result.tools.find(({ name }) => name === tool)?.inputSchema ?? null;
  }

  private async address(): Promise<string> {
    const { client } = await this.api.get<{ client: { endpoint_slug: string } }>(
      `/api/mcp/client/${this.id}`,
    );
    return `${this.behind.url}/mcp/${client.endpoint_slug}`;
  }

  private get access(): Record<string, string> {
    return { authorization: `Bearer ${this.behind.virtual_key}` };
  }
}
