import { createHash } from 'node:crypto';

const VERIFIER = 'a-verifier-of-enough-unreserved-characters-0123456789';

/** The body of an answer. @throws with what was answered, when it is a refusal or no JSON */
export async function read<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  try {
    if (answer.ok) return JSON.parse(text) as T;
  } catch {
    // Not JSON: told below.
  }
  throw new Error(`${answer.url} answered ${answer.status}: ${text.slice(0, 500)}`);
}

/** An app that speaks to the gateway at `url`: registered, with a callback where its people come back to. */
export class App {
  readonly clientId: string;
  private readonly url: string;
  private readonly callback: string;

  private constructor(url: string, callback: string, clientId: string) {
    this.url = url;
    this.callback = callback;
    this.clientId = clientId;
  }

  static async register(url: string, callback: string, name = 'Claude Code'): Promise<App> {
    const answer = await fetch(`${url}/oauth2/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_name: name, redirect_uris: [callback] }),
    });
    const { client_id } = await read<{ client_id: string }>(answer);
    return new App(url, callback, client_id);
  }

  /** Where the app sends its person. */
  get authorizationUrl(): string {
    const request = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.callback,
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
      state: 's',
    };
    return `${this.url}/oauth2/authorize?${new URLSearchParams(request)}`;
  }

  /** Redeems the code its person came back with. */
  async redeem(back: string | URL): Promise<{ access_token: string; refresh_token: string }> {
    const answer = await fetch(`${this.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(back).searchParams.get('code') ?? '',
        code_verifier: VERIFIER,
        client_id: this.clientId,
      }),
    });
    return read<{ access_token: string; refresh_token: string }>(answer);
  }
}

/** What a tool answers to a caller with these headers, as text. */
export async function callTool(
  mcpUrl: string,
  headers: Record<string, string>,
  name: string,
): Promise<{ isError: boolean; text: string }> {
  const response = await fetch(mcpUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  });
  const body = await response.text();
  const json = body.startsWith('{') ? body : (/^data: (\{.*)$/m.exec(body)?.[1] ?? '{}');
  const { result } = JSON.parse(json) as { result?: { isError?: boolean; content: { text: string }[] } };
  if (!result) throw new Error(`${mcpUrl} answered ${response.status} to ${name}: ${body.slice(0, 500)}`);
  return { isError: result.isError === true, text: result.content.map(({ text }) => text).join() };
}
