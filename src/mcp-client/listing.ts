import { isListedForAsker } from '../accounts/auth/index';
import { type Asker, connect, OURSELVES, type Peer } from '../accounts/connect';
import type { Env } from '../config';
import { log } from '../log';
import { isObject } from '../protocol/mcp';
import { failures, Refusal, UpstreamFailure } from '../servers/failure';
import { checkItem, clean, type ItemKind, nameOf } from '../servers/listed-item';
import { ListingRoom } from '../servers/listing-room';
import type { LeftOut, Listed, Listing, Server } from '../servers/server';
import { type CameListed, recordFailure, saveListing } from '../servers/standing';
import { saveWords } from '../servers/words';
import type { Settings } from '../settings';
import { capabilitiesOf } from './client';
import { LISTS, type List, readPages, reasonOf } from './list-pages';
import { wordsTo } from './met';
import { DECLARED_TO_LIST } from './questions/while-listing';
import { inOwnSession } from './sessions/sessions';
import { overEither } from './sse/either-transport';

/** What is said of items that are left out, at most. */
const MOST_LEFT_OUT = 50;
/** How long a server may take over a list it does not declare. Milliseconds. */
const UNDECLARED = 2_000;
/** How long a listing takes at most, and how much of that each list leaves to every one that follows. Milliseconds. */
const WHOLE = { most: 25_000, rest: 4_000 };
/** The same where someone waits, for all lists but the tools: less than a request waits. */
const WAITED = { most: 4_000, rest: 800 };

/** `isWaited`: what has not come beside the tools after 4 seconds is missing; `replaced`: nothing of it is stored any more. */
export type ListingTerms = { isWaited: boolean; replaced: AbortSignal };

/** True for a refusal of the asker's own account, which says nothing of the server: the next may do. */
function isOfAsker({ kind, stated }: UpstreamFailure): boolean {
  return kind === 'credentials' || ['forbidden_to_one', 'insufficient_scope'].includes(stated.reason);
}

/** A server refused to list for the account of the asker. */
export class ListRefused extends Error {
  constructor(readonly failure: UpstreamFailure) {
    super(failure.message);
  }
}

/**
 * Asks a server for everything it lists, with the gateway's own account where everyone has theirs, and stores that, with what
 * became of it. A list that did not come stays as it was.
 * @param issuer ours; null while it is not set
 * @param asker who makes us ask: serves where the gateway can have no account. Of what they alone may see only tools are kept.
 * @returns the server as it is now known, and whether its tools came.
 * @throws CredentialNeeded when such an asker has none either, ListRefused when theirs is refused
 */
export async function listUpstream(
  env: Env,
  settings: Settings,
  issuer: string | null,
  server: Server,
  { isWaited, replaced }: ListingTerms,
  asker: Asker,
): Promise<{ server: Server; isListed: boolean }> {
  const now = Math.floor(Date.now() / 1000);
  try {
    const isAskers = isListedForAsker(server);
    const peer = await connect(env, settings, issuer, server, isAskers ? asker : OURSELVES);
    const kinds: ItemKind[] | undefined = isAskers ? ['tool'] : undefined;
    const { value: came, connectionType } = await overEither(env.DB, server, peer, (peer) =>
      inOwnSession(peer, DECLARED_TO_LIST, async () => {
        const read = await readListing(peer, replaced, { kinds, isWaited });
        return { read, words: isAskers ? null : wordsTo(peer) }; // what an asker alone may see says nothing to others
      }),
    );
    if (replaced.aborted) return { server, isListed: false };
    const { read, words } = came;
    const { listing, ...stored } = await saveListing(env.DB, server, read, now);
    const info = await saveWords(env.DB, server, words, now);
    const { leftOut, listingSize: bytes } = stored;
    const missing = leftOut.filter(({ offered }) => !offered).length;
    log('server.listed', { server: server.id, tools: listing.tool.length, left_out: missing, bytes });
    return { server: { ...server, ...stored, connectionType, info }, isListed: read.failure === null };
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    if (replaced.aborted) return { server, isListed: false };
    if (isListedForAsker(server) && isOfAsker(error)) throw new ListRefused(error);
    return { server: await recordFailure(env.DB, server, 'list', error, now), isListed: false };
  }
}

/**
 * Everything a server lists, or its items of some `kinds`, checked one by one, as far as there is room. A kind whose list
 * cannot be had is not in the listing, and named in `leftOut`. `capabilities` are a hint: what a server does not declare is
 * asked for once, and a refusal is an empty list.
 * @throws UpstreamFailure when nothing can be had, or the server refuses our credentials for its tools; CredentialNeeded
 */
export async function readListing(
  peer: Peer,
  signal: AbortSignal,
  { kinds, isWaited = false }: { kinds?: readonly ItemKind[] | undefined; isWaited?: boolean } = {},
): Promise<CameListed> {
  const wanted = LISTS.filter(({ kind }) => kinds?.includes(kind) !== false);
  const limits = new TimeLimits(signal);
  const ends = new Map(
    wanted.map((list, at) => {
      const { most, rest } = isWaited && list.kind !== 'tool' ? WAITED : WHOLE;
      return [list, limits.after(most - rest * (wanted.length - 1 - at))];
    }),
  );
  try {
    const capabilities = await capabilitiesOf(peer, limits.after(WHOLE.most));
    const isDeclared = ({ capability }: List) => isObject(capabilities[capability]);
    const reading = new ListingReading(peer, (list) => ends.get(list) ?? signal);
    for (const list of wanted.filter(isDeclared)) await reading.read(list);
    for (const list of wanted.filter((list) => !isDeclared(list))) await reading.readUndeclared(list);
    return reading.end();
  } finally {
    limits.clear();
  }
}

/** Time limits that end with what they limit: a timer that goes on would keep an object awake. */
class TimeLimits {
  private readonly timers: ReturnType<typeof setTimeout>[] = [];

  /** @param signal ends them all */
  constructor(private readonly signal: AbortSignal) {}

  after(milliseconds: number): AbortSignal {
    const limit = new AbortController();
    const late = () => limit.abort(new DOMException('The time is over', 'TimeoutError'));
    this.timers.push(setTimeout(late, milliseconds));
    return AbortSignal.any([this.signal, limit.signal]);
  }

  clear(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}

/** One reading of a server's lists, one after the other. */
class ListingReading {
  private readonly listing: Listing = { tool: [], prompt: [], resource: [], template: [] };
  private readonly room = new ListingRoom();
  private readonly missing: LeftOut[] = [];
  private readonly unfit: LeftOut[] = [];
  private readonly repaired: LeftOut[] = [];
  private readonly failed = new Map<ItemKind, UpstreamFailure>();
  /** True once the server met something it does not declare with anything but an answer. */
  private isOdd = false;
  private asked = 0;
  private toolsFailed: UpstreamFailure | null = null;

  constructor(
    private readonly peer: Peer,
    /** Ends the time of a list. */
    private readonly endOf: (list: List) => AbortSignal,
  ) {}

  async read(list: List): Promise<void> {
    this.asked++;
    const { kind } = list;
    const definitions = this.listing[kind];
    if (this.room.isFull) {
      this.missing.push(this.room.leftOut(kind, 0));
      return;
    }
    const isTool = kind === 'tool';
    const came = await readPages(this.peer, list, this.endOf(list), this.taking(kind));
    if (!came.pages && came.failure) {
      if (isTool && came.failure.kind === 'credentials') throw came.failure; // it would refuse the others as well
      this.failed.set(kind, came.failure);
      if (isTool) this.toolsFailed = came.failure;
    }
    if (came.failure || came.ended)
      this.missing.push({ kind, name: '*', reason: reasonOf(list, came, definitions.length) });
    if (this.room.isFull) this.missing.push(this.room.leftOut(kind, definitions.length));
  }

  /**
   * A server that refuses a list it does not declare has none. One that does anything else is not asked for more of them, and
   * what is known of these holds. Tools have the time that declared lists have, and are missed aloud.
   */
  async readUndeclared(list: List): Promise<void> {
    this.asked++;
    const { kind } = list;
    if (this.room.isFull) return;
    if (this.isOdd) {
      this.failed.set(kind, failures.notMcp(this.peer.server.name));
      return;
    }
    const isTool = kind === 'tool';
    const end = this.endOf(list);
    const limited = AbortSignal.any([end, AbortSignal.timeout(UNDECLARED)]);
    const came = await readPages(this.peer, list, isTool ? end : limited, this.taking(kind));
    if (this.room.isFull) this.missing.push(this.room.leftOut(kind, this.listing[kind].length));
    if (!came.failure || came.pages || (!isTool && came.failure instanceof Refusal)) return;
    this.failed.set(kind, came.failure);
    if (isTool) this.missing.push({ kind, name: '*', reason: reasonOf(list, came, 0) });
    else this.isOdd = true;
  }

  /** Keeps items that can be offered. The others are left out, and said. */
  private taking(kind: ItemKind): (item: unknown) => boolean {
    const seen = new Set<string>();
    return (item) => {
      const checked = checkItem(kind, item);
      const name = nameOf(kind, item);
      const reason = 'leftOut' in checked ? checked.leftOut : seen.has(name) ? 'it is listed twice' : null;
      seen.add(name);
      if ('definition' in checked && reason === null) {
        if (!this.room.take(checked.definition)) return false;
        this.listing[kind].push(checked.definition);
        this.noteRepair(kind, name, checked.repaired);
      } else if (this.unfit.length < MOST_LEFT_OUT && reason !== null) {
        this.unfit.push({ kind, name: clean(name).slice(0, 256), reason });
      }
      return true;
    };
  }

  private noteRepair(kind: ItemKind, name: string, members: readonly string[]): void {
    const reason = clean(members.join(', ')).slice(0, 256);
    if (!reason || this.repaired.length >= MOST_LEFT_OUT) return;
    this.repaired.push({ kind, name: clean(name).slice(0, 256), reason, offered: true });
  }

  /** @throws UpstreamFailure when nothing came */
  end(): CameListed {
    const [first] = this.failed.values();
    const isEmpty = Object.values(this.listing).every((definitions) => !definitions.length);
    if (first && isEmpty && (this.failed.has('tool') || this.failed.size === this.asked)) throw first;
    const listing: Listed = { ...this.listing };
    for (const kind of this.failed.keys()) delete listing[kind];
    const missing = [...this.missing, ...this.unfit].slice(0, MOST_LEFT_OUT);
    return { listing, leftOut: [...missing, ...this.repaired], failure: this.toolsFailed };
  }
}
