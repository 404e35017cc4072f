import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { type RawAnswer, writeRaw } from './raw-answer';

/** How a server behaves; tests set it over HTTP. */
export type Behaviour = {
  /**
   * `2026`: knows 2026-07-28 only. `stateless`: of the 2025 era, without sessions; `forgetful`: knows none of those it began.
   * `both`: every revision, of which `server/discover` lists the last.
   */
  era: '2025' | '2026' | 'stateless' | 'forgetful' | 'both';
  answers: 'json' | 'events';
  /** What every request meets in place of an answer. */
  fault: null | 'hang' | 'die' | 'html' | 'redirect' | number;
  /** The `WWW-Authenticate` of a fault that is a status; empty: none. */
  challenge: string;
  /** What `server/discover` meets at a server of the 2025 era, in place of how it refuses unknown sessions. */
  discovery: null | 'html' | number;
  /** What `initialize` meets before anything is made of it. */
  beginning: null | 'hang' | 'html' | number;
  /** How a session it does not know is refused: a status with a JSON-RPC error, or that with these words, or with this body. */
  forgetting: number | { status: number; error?: string; body?: string; type?: string };
  pageSize: number;
  /** What it says of itself: `serverInfo`, `instructions`. */
  greeting: Record<string, unknown>;
  /** True: a request whose id is no integer is refused. */
  wantsIntegers: boolean;
  tools: Record<string, unknown>[];
  prompts: Record<string, unknown>[];
  resources: Record<string, unknown>[];
  resourceTemplates: Record<string, unknown>[];
  /** What it declares on top of tools, and of prompts and resources where it has any. */
  capabilities: Record<string, unknown>;
  /** What `/<name>/client.json` answers; `body` null: headers, and then nothing more. */
  document: { status: number; headers: Record<string, string>; body: string | null };
  /**
   * The text of each page of a list, as it is, by method: a result, `{"error":…}`, `garbage`, `hang`, a status, `open`: comments only, or
   * `held`: until it is released.
   */
  lists: Record<string, string[]>;
  /** The text of a result, as it is, by the name or URI asked for. */
  results: Record<string, string>;
  /**
   * Whose tokens it demands: an issuer of support/authorization-setup.ts. Where its resource metadata is: named in the 401,
   * at the well-known path only, or nowhere. On top of that metadata: `resource`.
   */
  demands: null | {
    issuer: string;
    scope?: string;
    found?: 'named' | 'path' | 'nowhere';
    resource?: Record<string, unknown>;
  };
  /** Scopes that a token needs for a tool, by its name: without them it answers 403 with `challenge`, or naming them. */
  needsScope: Record<string, string>;
  /** Methods that need no token. */
  open: string[];
  /** Headers everybody has to send; a value that begins with `wrong` is refused. */
  demandsHeaders: string[];
  /** What it says of credentials it refuses; empty: nothing. */
  says: string;
  /** What else the origin answers, by method and path (`GET /sse`); seen as a message of that name. `body` null: headers only. */
  paths: Record<string, { status: number; headers?: Record<string, string>; body?: string | null }>;
  /** What a request for an item meets in place of a result, by its name or URI; `*`: for every one with a name. */
  raw: Record<string, RawAnswer>;
  /** What each GET with `Last-Event-ID` brings, one after the other. */
  resumes: RawAnswer[];
  /** True: a GET in a session is answered with a stream of what it says by itself, and so is `subscriptions/listen`. */
  streams: boolean;
  /**
   * What a server of 2026-07-28 wants first, the texts of results, by the name or URI asked for: the one whose number the
   * `requestState` of the request ends in, else the first. Then its result says which `inputResponses` it got.
   */
  rounds: Record<string, string[]>;
  /**
   * What a call of a tool says before its result, each as it is, one after the other, by the tool's name; by its method, any
   * request in events.
   */
  asks: Record<string, Saying[]>;
  /** Tools that clients of 2026-07-28 call only with the tasks extension. */
  demandsTasks: string[];
};

/**
 * `on`: where it is said: in the call's answer, or on the session's GET stream. What has an id and a method waits for its answer.
 * `$token` is the progress token of the last call, `$hold` alone waits for `release`.
 */
type Saying = { on?: 'stream'; text: string };

type Message = { id?: string | number; method?: string; params?: Record<string, unknown> };
type Seen = { method: string; headers: Record<string, unknown>; message: Message; text: string };

/** One MCP server of the tests, at `/<name>/mcp`, with what it has seen. */
class Upstream {
  behaviour: Behaviour = {
    era: '2025',
    answers: 'json',
    fault: null,
    challenge: '',
    discovery: null,
    beginning: null,
    forgetting: 404,
    pageSize: 100,
    greeting: {},
    wantsIntegers: false,
    tools: [],
    prompts: [],
    resources: [],
    resourceTemplates: [],
    capabilities: {},
    document: { status: 200, headers: { 'content-type': 'application/json' }, body: '' },
    lists: {},
    results: {},
    demands: null,
    needsScope: {},
    open: [],
    demandsHeaders: [],
    says: '',
    paths: {},
    raw: {},
    resumes: [],
    streams: false,
    asks: {},
    demandsTasks: [],
    rounds: {},
  };
  seen: Seen[] = [];
  /** Calls whose client closed the connection before their answer was complete. */
  dropped = 0;
  private sessions = new Set<string>();
  private waiting: (() => void)[] = [];
  private held: (() => void)[] = [];
  /** The GET streams, by session. */
  private streams = new Map<string, ServerResponse>();
  /** What answers `subscriptions/listen`, by the id of the request. */
  private listens = new Map<ServerResponse, Message>();

  forget(): void {
    this.sessions.clear();
  }

  /** The id of the last request for an item, or for what came of a call. */
  private get lastCall(): unknown {
    return this.seen.findLast(({ message }) =>
      /^tools.call|^tasks.result|^prompts.get|^resources.read/.test(message.method ?? ''),
    )?.message.id;
  }

  private get lastToken(): unknown {
    const last = this.seen.findLast(({ message }) => message.method === 'tools/call');
    return (last?.message.params?._meta as { progressToken?: unknown } | undefined)?.progressToken;
  }

  /** Lets every call of a `held_…` tool go on. */
  release(): void {
    for (const go of this.held.splice(0)) go();
  }

  /** Resolves once `count` requests of `method` have come, or as many were dropped. */
  async until(method: string, count: number): Promise<void> {
    const reached = () =>
      method === 'dropped'
        ? this.dropped >= count
        : this.seen.filter(({ message }) => message.method === method).length >= count;
    while (!reached()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private changed(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    const message: Message = text ? JSON.parse(text) : {};
    this.seen.push({ method: request.method ?? '', headers: request.headers, message, text });
    response.on('close', () => {
      if (!response.writableFinished) this.dropped++;
      this.changed();
    });
    this.changed();
    const { fault, challenge } = this.behaviour;
    if (fault === 'hang') return;
    if (fault === 'die') return void request.socket.destroy();
    if (fault === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>');
    if (fault === 'redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
    if (fault !== null)
      return void response.writeHead(fault, challenge ? { 'www-authenticate': challenge } : {}).end();
    const { beginning } = this.behaviour;
    if (message.method === 'initialize' && beginning === 'hang') return;
    if (message.method === 'initialize' && beginning === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>');
    if (message.method === 'initialize' && typeof beginning === 'number')
      return void response.writeHead(beginning).end();
    if (this.behaviour.wantsIntegers && message.id !== undefined && !Number.isInteger(message.id))
      return refuse(response, 400, message, { code: -32600, message: 'id must be an integer' });
    const caller = await this.callerOf(request);
    if (caller === null && !this.behaviour.open.includes(message.method ?? ''))
      return this.challenge(response, request);
    const needed = own(this.behaviour.needsScope, message.params?.name);
    if (message.method === 'tools/call' && needed && !(await this.hasScopes(request, needed))) {
      const named = `Bearer error="insufficient_scope", scope="${needed}"`;
      return void response.writeHead(403, { 'www-authenticate': challenge || named }).end();
    }
    if (message.method === 'tools/call' && message.params?.name === 'whoami') {
      const content = [{ type: 'text', text: caller }];
      this.behaviour.results.whoami = JSON.stringify({
        content,
        ...(this.isModern(request) && { resultType: 'complete' }),
      });
    }
    const { raw, resumes } = this.behaviour;
    const isResumed = request.method === 'GET' && request.headers['last-event-id'] !== undefined;
    const odd = isResumed
      ? (resumes.shift() ?? { status: 405, type: '' })
      : (own(raw, nameIn(message)) ?? (message.params?.name ? raw['*'] : undefined));
    if (odd) return writeRaw(response, odd, message.id ?? this.lastCall, () => this.hold(response));
    if (request.method === 'DELETE') return void response.writeHead(204).end();
    if (this.isModern(request)) return this.serveModern(request, response, message);
    return this.serveLegacy(request, response, message);
  }

  private async hasScopes({ headers }: IncomingMessage, needed: string): Promise<boolean> {
    const body = new URLSearchParams({ token: headers.authorization?.replace(/^Bearer /, '') ?? '' });
    const answer = await fetch(`${this.behaviour.demands?.issuer}/introspect`, { method: 'POST', body });
    const { scope = '' } = (await answer.json()) as { scope?: string };
    return needed.split(' ').every((one) => scope.split(' ').includes(one));
  }

  /** Who calls, as their token or headers say; null: no one who may. */
  private async callerOf({ headers, url }: IncomingMessage): Promise<string | null> {
    const { demands, demandsHeaders } = this.behaviour;
    const values = demandsHeaders.map((name) => String(headers[name.toLowerCase()] ?? 'wrong'));
    if (values.some((value) => value.startsWith('wrong'))) return null;
    if (!demands) return values.join(' ');
    const body = new URLSearchParams({ token: headers.authorization?.replace(/^Bearer /, '') ?? '' });
    const answer = await fetch(`${demands.issuer}/introspect`, { method: 'POST', body });
    const { active, sub, client_id, resource, aud } = (await answer.json()) as Record<string, unknown>;
    const audience = resource ?? aud ?? null;
    const isForUs = audience === null || audience === `http://${headers.host}${url}`;
    return active && isForUs ? String(sub ?? client_id) : null;
  }

  private challenge(response: ServerResponse, { headers, url }: IncomingMessage): void {
    const { demands, says } = this.behaviour;
    const { scope, found = 'named' } = demands ?? {};
    const named = `http://${headers.host}/.well-known/oauth-protected-resource${url}`;
    const parameters = [
      ...(demands && found === 'named' ? [`resource_metadata="${named}"`] : []),
      ...(scope ? [`scope="${scope}"`] : []),
      'error="invalid_token"',
    ];
    response
      .writeHead(401, {
        'www-authenticate': `Bearer ${parameters.join(', ')}`,
        'content-type': 'application/json',
      })
      .end(says && JSON.stringify({ error: says }));
  }

  /** Its resource metadata (RFC 9728), at the well-known path with its own inserted. */
  serveMetadata(request: IncomingMessage, response: ServerResponse): void {
    const { demands } = this.behaviour;
    if (!demands || demands.found === 'nowhere') return void response.writeHead(404).end();
    const metadata = {
      resource: `http://${request.headers.host}${request.url?.replace('/.well-known/oauth-protected-resource', '')}`,
      authorization_servers: [demands.issuer],
      ...demands.resource,
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
  }

  /** A client's metadata document. Seen as a message of the method `document`. */
  serveDocument(request: IncomingMessage, response: ServerResponse): void {
    this.seen.push({ method: 'GET', headers: request.headers, text: '', message: { method: 'document' } });
    this.changed();
    const { status, headers, body } = this.behaviour.document;
    response.writeHead(status, headers);
    if (body === null) response.flushHeaders();
    else response.end(body);
  }

  /** What one of its `paths` answers. */
  async servePath(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    this.seen.push({
      method: request.method ?? '',
      headers: request.headers,
      text,
      message: { method: name },
    });
    this.changed();
    const { status, headers = {}, body = '' } = this.behaviour.paths[name] ?? { status: 404 };
    response.writeHead(status, headers);
    if (body === null) response.flushHeaders();
    else response.end(body);
  }

  private isModern({ headers }: IncomingMessage): boolean {
    const { era } = this.behaviour;
    return era === '2026' || (era === 'both' && headers['mcp-protocol-version'] === '2026-07-28');
  }

  private async serveModern(
    request: IncomingMessage,
    response: ServerResponse,
    message: Message,
  ): Promise<void> {
    const version = request.headers['mcp-protocol-version'];
    const meta = (message.params?._meta ?? {}) as Record<string, unknown>;
    if (version !== '2026-07-28' || meta['io.modelcontextprotocol/protocolVersion'] !== version) {
      const data = { supported: ['2026-07-28'], requested: String(version) };
      return refuse(response, 400, message, { code: -32022, message: 'Unsupported protocol version', data });
    }
    const name = nameIn(message);
    if (
      request.headers['mcp-method'] !== message.method ||
      (name !== undefined && request.headers['mcp-name'] !== name)
    ) {
      return refuse(response, 400, message, { code: -32020, message: 'Header mismatch' });
    }
    const { extensions = {} } = (meta['io.modelcontextprotocol/clientCapabilities'] ?? {}) as {
      extensions?: object;
    };
    const tasks = { 'io.modelcontextprotocol/tasks': {} };
    if (
      this.behaviour.demandsTasks.includes(String(name)) &&
      !Object.hasOwn(extensions, Object.keys(tasks)[0] ?? '')
    ) {
      const data = { requiredCapabilities: { extensions: tasks } };
      return refuse(response, 400, message, { code: -32021, message: 'Missing capability', data });
    }
    if (String(name).startsWith('refused'))
      return refuse(response, 400, message, { code: -32000, message: 'It ran, and failed' });
    if (message.method === 'subscriptions/listen' && this.behaviour.streams)
      return this.listen(response, message);
    await this.answer(response, message, { resultType: 'complete' });
  }

  private async serveLegacy(
    request: IncomingMessage,
    response: ServerResponse,
    message: Message,
  ): Promise<void> {
    const { era, forgetting, discovery } = this.behaviour;
    if (message.method === 'server/discover' && discovery === 'html')
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Hello</p>');
    if (message.method === 'server/discover' && typeof discovery === 'number')
      return void response.writeHead(discovery).end();
    const session = request.headers['mcp-session-id'];
    if (message.method === 'initialize') {
      const id = `session-${Math.random()}`;
      if (era !== 'forgetful') this.sessions.add(id);
      if (era !== 'stateless') response.setHeader('mcp-session-id', id);
      return this.answer(response, message, {});
    }
    if (era === 'stateless' && message.method === 'server/discover')
      return refuse(response, 200, message, { code: -32601, message: 'Method not found' });
    if (era !== 'stateless' && !this.sessions.has(String(session))) {
      const { status, ...said } = typeof forgetting === 'number' ? { status: forgetting } : forgetting;
      const {
        error: words,
        body,
        type = 'text/plain',
      }: { error?: string; body?: string; type?: string } = said;
      if (body !== undefined) return void response.writeHead(status, { 'content-type': type }).end(body);
      const error = { code: -32000, message: words ?? 'Bad Request: No valid session ID provided' };
      return refuse(response, status, message, error);
    }
    const [, ran] = /^ran_(\d+)$/.exec(String(message.params?.name ?? '')) ?? [];
    if (ran) return void response.writeHead(Number(ran)).end('It ran, and then the session failed.');
    if (request.method === 'GET' && this.behaviour.streams) return this.stream(response, String(session));
    if (request.method === 'GET') return void response.writeHead(405).end();
    if (message.id === undefined || !message.method) return void response.writeHead(202).end();
    await this.answer(response, message, {}, String(session));
  }

  /** A stream of what a client of 2026-07-28 asked for. */
  private listen(response: ServerResponse, message: Message): void {
    this.listens.set(response, message);
    response.on('close', () => {
      this.listens.delete(response);
      this.changed();
    });
    this.changed();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const { notifications } = message.params ?? {};
    this.tell(response, message, {
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications },
    });
  }

  private tell(response: ServerResponse, { id }: Message, { method, params }: Message): void {
    const _meta = { 'io.modelcontextprotocol/subscriptionId': id };
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } })}\n\n`);
  }

  /** Breaks every stream that is open. */
  cutStreams(): void {
    for (const stream of [...this.streams.values(), ...this.listens.keys()]) stream.destroy();
  }

  /** Says a message on every stream that is open. */
  sayOnStreams(message: Message): void {
    for (const stream of this.streams.values()) stream.write(`data: ${JSON.stringify(message)}\n\n`);
    for (const [stream, asked] of this.listens) this.tell(stream, asked, message);
  }

  /** Resolves once so many streams are open; `kind`: for such notifications. */
  async untilOpen(count: number, kind?: string): Promise<void> {
    const listens = () =>
      [...this.listens.values()].filter(
        ({ params }) => !kind || Object.hasOwn((params?.notifications ?? {}) as object, kind),
      ).length;
    const open = () => (kind ? 0 : this.streams.size) + listens();
    while (open() !== count) await this.next();
  }

  /** One stream a session, as the official SDK has it. */
  private stream(response: ServerResponse, session: string): void {
    if (this.streams.has(session)) return void response.writeHead(409).end();
    this.streams.set(session, response);
    response.on('close', () => {
      this.streams.delete(session);
      this.changed();
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    this.changed();
  }

  /** Says something in a session, and waits for the answer where it wants one. */
  private async say(response: ServerResponse, session: string, { on, text }: Saying): Promise<void> {
    if (text === '$hold') return this.hold(response);
    while (on === 'stream' && !this.streams.has(session)) await this.next();
    const told = on === 'stream' ? this.streams.get(session) : response;
    told?.write(`data: ${text.replaceAll('$token', JSON.stringify(this.lastToken))}\n\n`);
    const id = /^[{]"jsonrpc":"2.0","id":([^,]+),"method"/.exec(text)?.[1];
    if (id === undefined) return;
    const answered = () => this.seen.some((seen) => !seen.message.method && seen.text.includes(`"id":${id}`));
    while (!answered()) await this.next();
  }

  private next(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private async answer(
    response: ServerResponse,
    message: Message,
    stamp: Record<string, unknown>,
    session = '',
  ): Promise<void> {
    const name = String(nameIn(message) ?? '');
    const given = this.behaviour.lists[message.method ?? '']?.[Number(message.params?.cursor ?? 0)];
    if (given === 'hang') return;
    if (given === 'held') await this.hold(response);
    const listed = given === 'held' ? undefined : given;
    if (/^\d{3}$/.test(listed ?? '')) return void response.writeHead(Number(listed)).end();
    if (listed === 'open')
      return void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': wait\n\n');
    if (listed === 'garbage')
      return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc"');
    const events = this.behaviour.answers === 'events' || /^(progress|asks)/.test(name);
    if (name.startsWith('held') && !events) await this.hold(response);
    response.setHeader('content-type', events ? 'text/event-stream; charset=utf-8' : 'application/json');
    response.setHeader('set-cookie', 'a=b'); // and content-length, where the whole answer is sent at once
    if (events) response.write('id: 1\ndata: \n\n');
    if (name.startsWith('progress')) {
      const progressToken = (message.params?._meta as { progressToken?: unknown } | undefined)?.progressToken;
      const progress = {
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken, progress: 1 },
      };
      response.write(`event: message\nid: 2\ndata: ${JSON.stringify(progress)}\n\n`);
      await this.hold(response);
    }
    const usual = { text: '{"jsonrpc":"2.0","id":9007199254740993,"method":"sampling/createMessage"}' };
    const sayings = own(this.behaviour.asks, name) ?? (name.startsWith('asks') ? [usual] : []);
    for (const saying of sayings) await this.say(response, session, saying);
    if (name.startsWith('cut')) {
      response.write(events ? ': nothing more\n\n' : '{"jsonrpc":"2.0","id"');
      return void response.socket?.end();
    }
    for (const saying of own(this.behaviour.asks, message.method) ?? [])
      await this.say(response, session, saying);
    const round = Number(/\d+$/.exec(String(message.params?.requestState ?? ''))?.[0] ?? 0);
    const wanted = stamp.resultType ? own(this.behaviour.rounds, name)?.[round] : undefined;
    const result =
      listed ??
      wanted ??
      own(this.behaviour.results, name) ??
      JSON.stringify({ ...this.result(message), ...stamp });
    const text = result.startsWith('{"error"') ? result.slice(1, -1) : `"result":${result}`;
    const whole = `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${text}}`;
    if (!events) return void response.end(whole);
    response.end(`event: message\r\nid: 3\r\ndata: ${whole}\r\n\r\n`);
  }

  private async hold(response: ServerResponse): Promise<void> {
    const released = new Promise<void>((resolve) => this.held.push(resolve));
    await Promise.race([released, once(response, 'close')]);
  }

  /** What is offered beside tools: to be asked for lists of nothing would cost a third of every start. */
  private offers(): Record<string, unknown> {
    const { lists, prompts, resources, resourceTemplates } = this.behaviour;
    const isListed = (noun: string) => Object.keys(lists).some((method) => method.startsWith(noun));
    return {
      ...((prompts.length || isListed('prompts/')) && { prompts: {} }),
      ...((resources.length || resourceTemplates.length || isListed('resources/')) && { resources: {} }),
    };
  }

  private result({ method, params }: Message): Record<string, unknown> {
    const { tools, prompts, resources, resourceTemplates, greeting } = this.behaviour;
    const capabilities = { tools: {}, ...this.offers(), ...this.behaviour.capabilities };
    switch (method) {
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return {};
      case 'initialize':
        return {
          protocolVersion: params?.protocolVersion,
          capabilities,
          serverInfo: { name: 'upstream', version: '1' },
          ...greeting,
        };
      case 'server/discover':
        return {
          supportedVersions: ['2026-07-28'], // as the official SDK has it, whatever `initialize` begins
          capabilities,
          ...(greeting.instructions !== undefined && { instructions: greeting.instructions }),
          ...(greeting.serverInfo !== undefined && {
            _meta: { 'io.modelcontextprotocol/serverInfo': greeting.serverInfo },
          }),
        };
      case 'tools/list':
        return this.page('tools', tools, params?.cursor);
      case 'prompts/list':
        return this.page('prompts', prompts, params?.cursor);
      case 'resources/list':
        return this.page('resources', resources, params?.cursor);
      case 'resources/templates/list':
        return this.page('resourceTemplates', resourceTemplates, params?.cursor);
      case 'prompts/get':
        return { messages: [{ role: 'user', content: { type: 'text', text: `prompt ${params?.name}` } }] };
      case 'resources/read':
        return { contents: [{ uri: params?.uri, text: `read ${params?.uri}` }] };
      default:
        return {
          content: [{ type: 'text', text: `${params?.name} ran` }],
          structuredContent: { arguments: params?.arguments },
        };
    }
  }

  private page(member: string, items: unknown[], cursor: unknown): Record<string, unknown> {
    const from = Number(cursor ?? 0);
    const to = from + this.behaviour.pageSize;
    return { [member]: items.slice(from, to), ...(to < items.length ? { nextCursor: String(to) } : {}) };
  }
}

/** What a request names: a tool or prompt, a resource, a task. */
function nameIn({ params }: Message): unknown {
  return params?.name ?? params?.uri ?? params?.taskId;
}

/** What `record` has under a name that a client chose. */
function own<T>(record: Record<string, T>, name: unknown): T | undefined {
  return Object.hasOwn(record, String(name)) ? record[String(name)] : undefined;
}

function refuse(
  response: ServerResponse,
  status: number,
  { id }: Message,
  error: Record<string, unknown>,
): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', id, error }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

/** Starts the servers of the tests: `/<name>/mcp` each, set and asked through `/<name>/control…`. */
export default async function setup(project: TestProject): Promise<() => void> {
  const upstreams = new Map<string, Upstream>();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://x');
    const place = `${request.method} ${pathname}`;
    const owner = [...upstreams.values()].findLast(({ behaviour }) => Object.hasOwn(behaviour.paths, place));
    if (owner) return owner.servePath(place, request, response);
    const [, described = ''] =
      /^\/\.well-known\/oauth-protected-resource\/([^/]+)\/mcp$/.exec(pathname) ?? [];
    if (described) return (upstreams.get(described) ?? new Upstream()).serveMetadata(request, response);
    if (pathname.startsWith('/.well-known/')) return void response.writeHead(404).end();
    const [, name = '', what = '', act = ''] = pathname.split('/');
    const upstream = upstreams.get(name) ?? new Upstream();
    upstreams.set(name, upstream);
    if (what === 'mcp') return upstream.serve(request, response);
    if (what === 'client.json') return upstream.serveDocument(request, response);

    const asked = JSON.parse((await bodyOf(request)) || '{}');
    if (act === 'set') Object.assign(upstream.behaviour, asked);
    if (act === 'forget') upstream.forget();
    if (act === 'release') upstream.release();
    if (act === 'cut') upstream.cutStreams();
    if (act === 'say') upstream.sayOnStreams(asked);
    if (act === 'open') await upstream.untilOpen(asked.count, asked.kind);
    if (act === 'until') await upstream.until(asked.method, asked.count);
    response.end(JSON.stringify({ seen: upstream.seen, dropped: upstream.dropped }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('upstreamOrigin', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    upstreamOrigin: string;
  }
}
