/**
 * What a data point of the dataset `METRICS` says, where wrangler.toml binds one (docs/logs.md, Metrics): `event` is `call`, `refusal`
 * or `token`. Names of this gateway and of servers only: no ids of people, clients or grants.
 */
type Measured = {
  event: 'call' | 'refusal' | 'token';
  /** The address of the server, which points are sampled by; of what concerns none, empty. */
  server: string;
  /** The tool that was called, the path that refused, or the grant type. */
  item: string;
  outcome: string;
  /** Of the client: `2025` or `2026`. */
  era?: string;
  /** How long it took, milliseconds; 0: it was not timed. */
  ms?: number;
};

/** Bytes that an index may have (Workers Analytics Engine, Limits), and characters that a name is cut to. */
const MOST = 96;

/** Writes a data point behind the answer. A caller asks first whether there is a dataset, so that without one nothing is made. */
export function measure(dataset: AnalyticsEngineDataset, measured: Measured): void {
  const { event, server, item, outcome, era = '', ms = 0 } = measured;
  try {
    dataset.writeDataPoint({
      indexes: [server.slice(0, MOST)],
      blobs: [event, server.slice(0, MOST), item.slice(0, MOST), outcome, era],
      doubles: [ms],
    });
  } catch {
    // Nothing that is only measured may keep a request from its answer.
  }
}
