/** An object that may have to say of what kind it is before it is known what stands in it. */
export type KindOf = {
  /** Null: it did not say, and has ended; undefined: it has not said yet. */
  kind: string | null | undefined;
  /** Prefixes that wait for it; null: it did not say for so long that none waits any more. */
  waiting: Slot[] | null;
};

/** What an object has to say. */
export type PrefixCondition = { object: KindOf; is: string };

/** Where a prefix stands if the conditions are met. `isFilled` null: that is not known yet. */
type Slot = { conditions: readonly PrefixCondition[]; isFilled: boolean | null };

/** The most that is held until it is known whether a prefix stands in it. Bytes. */
const MOST_HELD = 65_536;

/** What a text becomes: its bytes, and prefixes between them, held as long as one is in doubt. */
export class PrefixOutput {
  private held: (Uint8Array | Slot)[] | null = null;
  private heldSize = 0;
  private unfilled = 0;
  private out: Uint8Array[] = [];

  constructor(private readonly prefix: Uint8Array) {}

  /** What can be sent on now. */
  take(): Uint8Array[] {
    const { out } = this;
    this.out = [];
    return out;
  }

  pass(part: Uint8Array): void {
    if (!part.length) return;
    if (!this.held) {
      this.out.push(part);
      return;
    }
    this.held.push(part);
    this.heldSize += part.length;
    if (this.heldSize > MOST_HELD) this.flush();
  }

  /** Puts the prefix here, or holds what follows until it is known whether it stands here. */
  put(conditions: readonly PrefixCondition[]): void {
    const isFilled = isMet(conditions);
    if (isFilled === true) this.pass(this.prefix);
    if (isFilled !== null) return;
    const slot: Slot = { conditions, isFilled };
    this.held ??= [];
    this.held.push(slot);
    this.unfilled++;
    wait(slot);
  }

  /** Of what kind an object is has become known. */
  tell(object: KindOf, kind: string | null): void {
    const { waiting } = object;
    object.kind = kind;
    object.waiting = [];
    for (const slot of waiting ?? []) {
      if (slot.isFilled !== null) continue;
      slot.isFilled = isMet(slot.conditions);
      if (slot.isFilled === null) wait(slot);
      else this.unfilled--;
    }
    if (this.held && !this.unfilled) this.flush();
  }

  /**
   * Lets go what was held. A prefix that waits still is put: at its place MCP has nothing else. So is every one that follows and
   * would wait for the same objects.
   */
  private flush(): void {
    for (const part of this.held ?? []) {
      if (part instanceof Uint8Array) this.out.push(part);
      else {
        if (part.isFilled === null) giveUp(part);
        if (part.isFilled) this.out.push(this.prefix);
      }
    }
    this.held = null;
    this.heldSize = 0;
    this.unfilled = 0;
  }
}

/** Whether all conditions are met; null: that is not known yet. */
export function isMet(conditions: readonly PrefixCondition[]): boolean | null {
  let isKnown = true;
  for (const { object, is } of conditions) {
    if (object.kind === undefined) isKnown &&= object.waiting === null;
    else if (object.kind !== is) return false;
  }
  return isKnown || null;
}

/** Each slot waits for one object at a time, so that what becomes known costs only those that it concerns. */
function wait(slot: Slot): void {
  const isOpen = ({ object }: PrefixCondition) => object.kind === undefined && object.waiting !== null;
  slot.conditions.find(isOpen)?.object.waiting?.push(slot);
}

/** Nothing waits any more for what this slot waited for. */
function giveUp(slot: Slot): void {
  slot.isFilled = true;
  for (const { object } of slot.conditions) if (object.kind === undefined) object.waiting = null;
}
