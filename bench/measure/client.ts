import { Pool } from 'undici';

/** Connections to one side, which stay open. */
const CONNECTIONS = 64;
/** How long an answer may be silent. Milliseconds. */
const PATIENCE = 60_000;

const pools = new Map<string, Pool>();

export type Wanted = {
  path: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** True: the body is counted and not kept. */
  isLong?: boolean;
};

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  bytes: number;
  /** Milliseconds from sending to the first byte of the body. */
  firstByte: number;
};

/** Sends a request as cheaply as Node can: what the client costs is taken from the same cores. */
export function send(origin: string, wanted: Wanted): Promise<Answer> {
  const { path, method = 'GET', headers, body, isLong = false } = wanted;
  const answer: Answer = { status: 0, headers: {}, text: '', bytes: 0, firstByte: 0 };
  const chunks: Buffer[] = [];
  const sent = performance.now();
  return new Promise((resolve, reject) => {
    poolOf(origin).dispatch(
      { path, method, headers: headers ?? null, body: body ?? null },
      {
        onRequestStart() {},
        onResponseStart(_, status, headers) {
          answer.status = status;
          answer.headers = headers;
        },
        onResponseData(_, chunk) {
          answer.firstByte ||= performance.now() - sent;
          answer.bytes += chunk.length;
          if (!isLong) chunks.push(chunk);
        },
        onResponseEnd() {
          answer.text = Buffer.concat(chunks).toString();
          resolve(answer);
        },
        onResponseError(_, error) {
          reject(error);
        },
      },
    );
  });
}

/** The same for what has to succeed. @throws Error with what was answered */
export async function sendJson<Body>(origin: string, wanted: Wanted): Promise<Body> {
  const { status, text } = await send(origin, wanted);
  if (status >= 300) throw new Error(`${wanted.path} answered ${status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as Body;
}

export async function closeConnections(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.destroy()));
  pools.clear();
}

function poolOf(origin: string): Pool {
  const known = pools.get(origin);
  if (known) return known;
  const pool = new Pool(origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: 2_000, // below that of every server here, so that none closes a connection that is being used
    headersTimeout: PATIENCE,
    bodyTimeout: PATIENCE,
  });
  pools.set(origin, pool);
  return pool;
}
