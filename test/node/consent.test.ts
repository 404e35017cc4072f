import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { consent } from '../../demo/consent.ts';

type Seen = {
  method: string | undefined;
  path: string;
  cookie: string | undefined;
  form: [string, string][];
};

describe('driving consent as a browser does (CONTRACT §4)', () => {
  let server: Server;
  afterEach(() => server.close());

  /** Serves `answers` one after the other; the list returned grows with what was asked. */
  async function given(
    ...answers: { status?: number; headers?: Record<string, string | string[]>; body?: string }[]
  ) {
    const seen: Seen[] = [];
    server = createServer(async (request: IncomingMessage, response) => {
      const form = [...new URLSearchParams(await text(request))];
      seen.push({ method: request.method, path: request.url ?? '', cookie: request.headers.cookie, form });
      const { status = 200, headers = {}, body = '' } = answers[seen.length - 1] ?? { status: 500 };
      response.writeHead(status, headers).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      seen,
      start: `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth2/authorize?client_id=1`,
    };
  }

  it('keeps cookies, hidden fields, boxes and choices, presses Allow, and stops at the client', async () => {
    const { seen, start } = await given(
      {
        status: 302,
        headers: { location: '/oauth/consent?flow_id=1', 'set-cookie': ['a=1; Path=/; HttpOnly', 'b=2'] },
      },
      {
        headers: { 'set-cookie': 'a=; Max-Age=0' },
        body: `<form action="/search"><input name="q"></form> <!-- <form><input name="decision"> -->
          <form method="post" action="/oauth/consent?a=1&amp;b=2">
            <input type="hidden" name="form" value="&quot;&#x3e;&#39;"><input name=identity type=hidden value=none>
            <input type=password name="virtual_key">
            <button name="decision" value="continue">Continue</button><button name="decision" value="deny">Deny</button>
          </form>`,
      },
      { status: 303, headers: { location: '/oauth/consent?flow_id=1' } },
      {
        body: `<form method="post" action="/oauth/consent"><input type="checkbox" name="server" value="a>b" checked>
            <input type="checkbox" name="server" value="no"><input type="checkbox" name="read_only" checked disabled>
            <select name="expires_in"><option value="1">1</option><option value="2" selected>2</option></select>
            <select name="first"><option value="x">x</option><option value="y">y</option></select>
            <button name="decision" value="allow">Allow</button></form>`,
      },
      { status: 303, headers: { location: 'http://localhost:1/callback?code=c&state=s' } },
    );

    const callback = await consent(start, { identity: 'virtual_key', virtual_key: 'sk-bf-1' });

    expect(callback.href).toBe('http://localhost:1/callback?code=c&state=s');
    expect(seen.map(({ method, path, cookie }) => [method, path, cookie])).toEqual([
      ['GET', '/oauth2/authorize?client_id=1', undefined],
      ['GET', '/oauth/consent?flow_id=1', 'a=1; b=2'],
      ['POST', '/oauth/consent?a=1&b=2', 'b=2'],
      ['GET', '/oauth/consent?flow_id=1', 'b=2'],
      ['POST', '/oauth/consent', 'b=2'],
    ]);
    expect(Object.fromEntries(seen[2]?.form ?? [])).toEqual({
      form: '">\'',
      identity: 'virtual_key',
      virtual_key: 'sk-bf-1',
      decision: 'continue',
    });
    expect(seen[4]?.form).toEqual([
      ['server', 'a>b'],
      ['expires_in', '2'],
      ['first', 'x'],
      ['decision', 'allow'],
    ]);
  });

  it('says what the page says when it asks for no decision', async () => {
    const { start } = await given({
      status: 410,
      body: '<style>p{}</style><body><p>This took too&nbsp;long.</p>',
    });

    await expect(consent(start, {})).rejects.toThrow('/oauth2/authorize answered 410: This took too long.');
  });

  it('gives up when an answer is refused and asked for again', async () => {
    const form =
      '<body><form><p>Unknown key</p><input name="virtual_key"><button name="decision" value="allow"></form>';
    const { start } = await given({ body: form }, { body: form });

    await expect(consent(start, { virtual_key: 'wrong' })).rejects.toThrow('Unknown key');
  });
});
