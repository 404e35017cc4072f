import { Stop } from './stop.ts';

/** A virtual key as lists show it: its value masked. */
export type VirtualKey = {
  id: string;
  name: string;
  value: string;
  is_active: boolean;
  mcp_configs: { mcp_client_name: string; tools_to_execute: string[] }[];
};
/** A server as the management API answers it. */
export type Server = { id: string; name: string; connection_string: string };

/** The management API of one gateway (CONTRACT §8). Refusals end the command with the gateway's own words. */
export class AdminApi {
  readonly url: string;
  private readonly token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  async get<Answer>(path: string): Promise<Answer> {
    return this.send<Answer>('GET', path);
  }

  /** What a browser sends to be signed in as the administrator (CONTRACT §8, Pages). */
  signIn(): Request {
    const body = new URLSearchParams({ token: this.token });
    return new Request(`${this.url}/admin/sign-in`, { method: 'POST', body, headers: { origin: this.url } });
  }

  /** The issuer in effect; null while none is set, and where the OAuth surface is off. */
  async issuer(): Promise<string | null> {
    const response = await fetch(`${this.url}/.well-known/oauth-authorization-server`);
    return response.ok ? ((await response.json()) as { issuer: string }).issuer : null;
  }

  async send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    if (!/^[\x21-\x7e]+$/.test(this.token))
      throw new Stop('The administrator token has a character that no header takes.');
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).catch((error: Error) => {
      throw new Stop(`${this.url} does not answer: ${causeOf(error)}`);
    });
    const text = await response.text();
    if (!response.ok)
      throw new Stop(`${method} ${path} was answered with ${response.status}: ${messageOf(text)}`);
    try {
      return JSON.parse(text) as Answer;
    } catch {
      throw new Stop(
        `${this.url + path} was answered with something that is not JSON: ${text.slice(0, 100)}`,
      );
    }
  }
}

function causeOf({ message, cause }: Error): string {
  return cause instanceof Error && cause.message ? cause.message : message;
}

/** The sentence in one of the gateway's answers, or what else came. */
export function messageOf(body: string): string {
  try {
    const { error, error_description, message } = JSON.parse(body) as {
      error?: string | { message?: string };
      error_description?: string;
      message?: string;
    };
    const said = typeof error === 'object' ? error.message : (message ?? error_description ?? error);
    if (said) return said;
  } catch {
    // Not JSON: shown as it came.
  }
  return body.slice(0, 500) || '(empty)';
}
