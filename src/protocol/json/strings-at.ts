import { nextStructural, stringEnd } from './value-end';

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** A longer string, or name, is none that is looked for. Bytes. */
const MOST_STRING = 4096;
const MOST_NAME = 256;

const text = new TextDecoder();

/** Where strings are looked for in a JSON value: in members by name, in any member or item, or here. */
export type StringPlace = {
  readonly members?: Readonly<Record<string, StringPlace>>;
  readonly any?: StringPlace;
  readonly isHere?: true;
};

/** Bytes that pass as they are, or a string that was found. */
export type FoundString = Uint8Array | { text: string };

/** The place that `path` leads to from a value; `*` is any member or item. */
export function placeAt(...path: string[]): StringPlace {
  return path.reduceRight<StringPlace>(
    (place, name) => (name === '*' ? { any: place } : { members: { [name]: place } }),
    { isHere: true },
  );
}

/** Several places of one value as one. */
export function placesOf(...places: StringPlace[]): StringPlace {
  const [first, ...others] = places;
  return others.reduce((all, place) => merged(all, place), first ?? {});
}

function merged(one: StringPlace, other: StringPlace): StringPlace {
  const members = { ...one.members };
  for (const [name, place] of Object.entries(other.members ?? {}))
    members[name] = Object.hasOwn(members, name) ? merged(members[name] as StringPlace, place) : place;
  const any = one.any && other.any ? merged(one.any, other.any) : (one.any ?? other.any);
  return { members, ...(any && { any }), ...((one.isHere || other.isHere) && { isHere: true }) };
}

/** Finds strings by their place in a JSON text, while its bytes flow in chunks cut anywhere. What is no JSON passes. */
export class StringsAt {
  /** The objects and arrays that hold a place, the innermost last. */
  private readonly open: { place: StringPlace; isArray: boolean }[] = [];
  /** How many are open inside that hold none. */
  private skipped = 0;
  /** The place of the value that comes next; null: none. */
  private next: StringPlace | null;
  private inString = false;
  private escaped = false;
  private atName = false;
  private name: number[] | null = null;
  /** The bytes of a string that is looked for, its quotes too. */
  private held: number[] | null = null;

  constructor(place: StringPlace) {
    this.next = place;
  }

  push(chunk: Uint8Array): FoundString[] {
    const out: FoundString[] = [];
    let sent = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.inString && !this.name && !this.held) {
        at = stringEnd(chunk, this.escaped ? at + 1 : at);
        this.escaped = at > chunk.length;
      } else if (!this.inString && this.skipped) at = nextStructural(chunk, at);
      if (at >= chunk.length) break;
      const byte = chunk[at] as number;
      if (this.inString) {
        this.held?.push(byte);
        const { held } = this;
        this.readString(byte);
        if (!held) continue;
        sent = at + 1;
        if (this.inString && held.length <= MOST_STRING) continue;
        this.held = null;
        out.push(this.inString ? Uint8Array.from(held) : found(held));
      } else if (byte === QUOTE && !this.skipped && !this.atName && this.next?.isHere) {
        if (at > sent) out.push(chunk.subarray(sent, at));
        sent = at + 1;
        this.inString = true;
        this.held = [byte];
      } else this.readStructure(byte);
    }
    if (sent < chunk.length) out.push(chunk.subarray(sent));
    return out;
  }

  private readString(byte: number): void {
    if (this.escaped) this.escaped = false;
    else if (byte === BACKSLASH) this.escaped = true;
    else if (byte === QUOTE) {
      this.inString = false;
      if (this.name) this.endName(this.name);
      this.name = null;
      return;
    }
    if (this.name && this.name.length < MOST_NAME) this.name.push(byte);
  }

  private endName(bytes: number[]): void {
    const place = this.open.at(-1)?.place;
    const name = decoded(bytes);
    const { members = {}, any = null } = place ?? {};
    this.next = name !== null && Object.hasOwn(members, name) ? (members[name] ?? null) : any;
  }

  private readStructure(byte: number): void {
    const top = this.open.at(-1);
    switch (byte) {
      case QUOTE:
        this.inString = true;
        if (this.atName && !this.skipped) this.name = [];
        break;
      case COLON:
        this.atName = false;
        break;
      case COMMA:
        if (this.skipped || !top) break;
        this.next = top.isArray ? (top.place.any ?? null) : null;
        this.atName = !top.isArray;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.begin(byte === OPEN_ARRAY);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (this.skipped) this.skipped--;
        else this.open.pop();
        this.next = null;
        this.atName = false;
        break;
    }
  }

  private begin(isArray: boolean): void {
    const { next: place } = this;
    if (this.skipped || !place) {
      this.skipped++;
      return;
    }
    this.open.push({ place, isArray });
    this.atName = !isArray;
    this.next = isArray ? (place.any ?? null) : null;
  }
}

function found(held: number[]): FoundString {
  const value = decoded(held.slice(1, -1));
  return value === null ? Uint8Array.from(held) : { text: value };
}

/** What a string of JSON says, of its bytes without the quotes; null: it is none. */
function decoded(bytes: number[]): string | null {
  try {
    return JSON.parse(`"${text.decode(Uint8Array.from(bytes))}"`);
  } catch {
    return null;
  }
}
