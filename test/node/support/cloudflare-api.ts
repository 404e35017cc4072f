import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { unstable_splitSqlQuery as splitSqlQuery } from 'wrangler';
import { Command, type StateFolder } from '../../journeys/support/dev-session';
import { ADMIN_TOKEN, database, deployWith, fetchOf, origin } from './two-workers';

/** Under this path here is the first Worker. */
const GATEWAY = '/gateway';
const DATABASE = { uuid: '0d1e5eb6-0000-4000-8000-000000000000', name: 'toolgate', version: 'production' };

/** What npm runs for the commands of docs/operations.md, whose name comes next: npm itself costs as much as the shorter of them. */
const COMMAND = [process.execPath, 'scripts/operations/index.ts'] as const;

/** Runs one of them. */
type RunCommand = (...args: string[]) => Promise<{ code: number | null; output: string }>;

/**
 * The part of Cloudflare's API that wrangler asks for the commands of docs/operations.md, in front of the two Workers: their
 * database, its Time Travel to moments that were marked, and their secret.
 */
export class CloudflareApi {
  /** Requests it heard, with the names of what they set. */
  readonly heard: string[] = [];
  private readonly moments = new Map<string, string>();
  private uploaded = '';
  private url = '';
  private readonly server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    if (request.url?.startsWith(GATEWAY)) return pass(request, body, response);
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const path = `${request.method} ${pathname.replace(/^.*\/(database|scripts)\//, '')}`;
    this.heard.push(path);
    try {
      const answer = await this.answer(path, searchParams, body);
      if (typeof answer === 'string') response.end(answer);
      else if (answer === null) response.writeHead(200, { etag: digest(this.uploaded) }).end();
      else response.end(JSON.stringify({ success: true, errors: [], messages: [], result: answer }));
    } catch (error) {
      const errors = [{ code: 1, message: String(error) }];
      response.writeHead(400).end(JSON.stringify({ success: false, errors, messages: [], result: null }));
    }
  });

  static async start(): Promise<CloudflareApi> {
    const api = new CloudflareApi();
    api.server.listen(0, '127.0.0.1');
    await once(api.server, 'listening');
    api.url = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
    return api;
  }

  /** Has our commands of docs/operations.md run against it. @param state where they keep what is local */
  running(state: StateFolder): RunCommand {
    return async (...args) => {
      const command = new Command(args, state, this.environment, COMMAND);
      return { code: await command.ended, output: command.output };
    };
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** What has wrangler ask here, and our commands the first Worker, whose own address is another after each deployment. */
  private get environment(): Record<string, string> {
    return {
      GATEWAY: this.url + GATEWAY,
      ADMIN_TOKEN,
      CLOUDFLARE_API_BASE_URL: this.url,
      CLOUDFLARE_API_TOKEN: 'a-token-of-tests',
      CLOUDFLARE_ACCOUNT_ID: 'an-account-of-tests',
    };
  }

  /** Makes this moment one that Time Travel can come back to. @returns its timestamp */
  async mark(): Promise<string> {
    const timestamp = new Date().toISOString();
    this.moments.set(timestamp, await exported());
    return timestamp;
  }

  /** Whether what is asked next after Time Travel fails. */
  failsAfterTravel = false;
  private failing = '';

  private async answer(path: string, query: URLSearchParams, body: string): Promise<object | string | null> {
    if (path === this.failing) {
      [this.failing, this.failsAfterTravel] = ['', false];
      throw new Error('down for a moment');
    }
    switch (path.replace(DATABASE.uuid, 'DB').replace(DATABASE.name, 'DB')) {
      case 'GET DB':
        return DATABASE;
      case 'POST DB/export':
        return {
          success: true,
          messages: [],
          status: 'complete',
          result: { signed_url: `${this.url}/export` },
        };
      case 'GET /export':
        return exported();
      case 'POST DB/import': {
        if (JSON.parse(body).action === 'init')
          return { upload_url: `${this.url}/upload`, filename: 'it.sql' };
        await replace(this.uploaded);
        const meta = { duration: 1, rows_read: 1, rows_written: 1, size_after: 1 };
        const result = { num_queries: 1, final_bookmark: 'after', meta };
        return { success: true, messages: [], status: 'complete', result };
      }
      case 'PUT /upload':
        this.uploaded = body;
        return null;
      case 'GET DB/time_travel/bookmark':
        return { bookmark: query.get('timestamp') };
      case 'POST DB/time_travel/restore': {
        const then = this.moments.get(query.get('bookmark') ?? '');
        if (then === undefined) throw new Error('no such bookmark');
        if (this.failsAfterTravel) this.failing = 'GET /export';
        const before = `before-${this.moments.size}`;
        this.moments.set(before, await exported());
        const { results } = await (await database())
          .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
          )
          .all<{ name: string }>();
        await replace(`${results.map(({ name }) => `DROP TABLE "${name}";`).join('\n')}\n${then}`);
        return { bookmark: query.get('bookmark'), previous_bookmark: before };
      }
      case 'PUT DB/secrets': {
        const { name, text } = JSON.parse(body) as { name: string; text: string };
        this.heard.push(name);
        await deployWith(text);
        return { name };
      }
      default:
        throw new Error(`not known here: ${path}`);
    }
  }
}

/** Hands a request on to the first Worker. */
async function pass(request: IncomingMessage, body: string, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '', headers } = request;
  const { authorization = '' } = headers;
  const sent = { method, headers: { authorization, 'content-type': 'application/json' }, body: body || null };
  try {
    const answer = await fetchOf('toolgate')(origin + url.slice(GATEWAY.length), sent);
    response.writeHead(answer.status).end(await answer.text());
  } catch {
    response.destroy(); // it is being deployed
  }
}

/** The database as SQL. */
async function exported(): Promise<string> {
  const [lines] = await (await database())
    .prepare('PRAGMA miniflare_d1_export(?,?,?);')
    .bind(false, false)
    .raw();
  return (lines as string[]).join('\n');
}

/** Runs statements, all of them or none. */
async function replace(sql: string): Promise<void> {
  const db = await database();
  await db.batch(splitSqlQuery(sql).map((one) => db.prepare(one)));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function digest(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
