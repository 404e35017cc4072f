import type { RpcResponse } from '../protocol/mcp';
import { failures } from '../servers/failure';
import type { Address } from '../servers/server';
import type { ServerAnswer } from './exchange';

/** Thrown when what a server says shows that it may be of the other era. Nothing has run. */
export class OtherEra extends Error {
  /** @param refusal what it answered in place of a result; null: no JSON-RPC */
  constructor(
    private readonly server: Address,
    private readonly status: number,
    private readonly refusal: RpcResponse | null,
  ) {
    super();
  }

  /** What it said, for the client, when it is of this era after all. @throws UpstreamFailure */
  asAnswer(): ServerAnswer {
    if (this.refusal?.error) return { kind: 'error', error: this.refusal.error, failure: null };
    const { name } = this.server;
    throw this.status === 404 ? failures.notFound(name, '') : failures.rejected(name, this.status, '');
  }
}
