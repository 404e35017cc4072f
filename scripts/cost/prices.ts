/** When the pages below were read: stored copies of them, the newest that could be had; none was read live. */
export const READ_ON = '30 November 2026';

/** Dollars for each unit beyond what a month of the Workers Paid plan includes. `per`: how many of them are one priced unit. */
export type Price = { of: string; price: number; per: number; included: number; page: string };

const WORKERS = 'https://developers.cloudflare.com/workers/platform/pricing/';
const LOGS = 'https://developers.cloudflare.com/observability/pricing/';
const D1 = 'https://developers.cloudflare.com/d1/platform/pricing/';
const OBJECTS = 'https://developers.cloudflare.com/durable-objects/platform/pricing/';
const POINTS = 'https://developers.cloudflare.com/analytics/analytics-engine/pricing/';
const KV = 'https://developers.cloudflare.com/kv/platform/pricing/';

/** Dollars a month, whatever is used. */
export const PLAN = 5;

export const PRICES = {
  requests: { of: 'requests to the Worker', price: 0.3, per: 1e6, included: 10e6, page: WORKERS },
  cpu: { of: 'ms of CPU', price: 0.02, per: 1e6, included: 30e6, page: WORKERS },
  logged: { of: 'GB of logs taken in', price: 0.25, per: 1, included: 50, page: LOGS },
  logsStored: { of: 'GB-months of logs stored', price: 0.1, per: 1, included: 12, page: LOGS },
  d1Read: { of: 'rows read in D1', price: 0.001, per: 1e6, included: 25e9, page: D1 },
  d1Written: { of: 'rows written in D1', price: 1, per: 1e6, included: 50e6, page: D1 },
  d1Stored: { of: 'GB-months stored in D1', price: 0.75, per: 1, included: 5, page: D1 },
  kvRead: { of: 'reads of KV', price: 0.5, per: 1e6, included: 10e6, page: KV },
  kvWritten: { of: 'writes of KV', price: 5, per: 1e6, included: 1e6, page: KV },
  calls: { of: 'calls of objects, and alarms', price: 0.15, per: 1e6, included: 1e6, page: OBJECTS },
  duration: { of: 'GB-s of objects', price: 12.5, per: 1e6, included: 400_000, page: OBJECTS },
  objectsWritten: { of: 'rows written in objects', price: 1, per: 1e6, included: 50e6, page: OBJECTS },
  objectsStored: { of: 'GB-months stored in objects', price: 0.2, per: 1, included: 5, page: OBJECTS },
  points: { of: 'data points', price: 0.25, per: 1e6, included: 10e6, page: POINTS },
} satisfies Record<string, Price>;

export type Meter = keyof typeof PRICES;

/** What Cloudflare documents that is met first, with its page. */
export const LIMITS = {
  /** Queries that a database serves in a second, at 1 ms each: one after the other. */
  d1PerSecond: { value: 1000, page: 'https://developers.cloudflare.com/d1/platform/limits/' },
  /** GB of one database. Cannot be raised. */
  d1Size: { value: 10, page: 'https://developers.cloudflare.com/d1/platform/limits/' },
  /** Requests that one object serves in a second; a soft limit. */
  objectPerSecond: {
    value: 1000,
    page: 'https://developers.cloudflare.com/durable-objects/platform/limits/',
  },
  /** Lines an account logs in a day before one in a hundred is kept. */
  linesPerDay: {
    value: 5e9,
    page: 'https://developers.cloudflare.com/workers/observability/logs/workers-logs/#limits',
  },
  /** Bytes that an object has at least, with an empty database. */
  leastObject: { value: 12_000, page: 'https://developers.cloudflare.com/durable-objects/reference/faq/' },
} as const;
