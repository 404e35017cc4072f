/** The most that is held of a message until it shows what it is, bytes (PROTOCOL §3). */
const MOST_HELD = 262_144;

/** Bytes that wait until it is clear what becomes of them. They are copied: a part of a chunk would keep the whole of it. */
export class HeldBytes {
  private bytes = new Uint8Array(1024);
  private size = 0;
  /** The most that is held, bytes. */
  most = MOST_HELD;

  /** False when there is no room for `part`, of which nothing is held then. */
  add(part: Uint8Array): boolean {
    const size = this.size + part.byteLength;
    if (size > this.most) return false;
    if (size > this.bytes.length) {
      const larger = new Uint8Array(Math.min(this.most, Math.max(size, this.bytes.length * 2)));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(part, this.size);
    this.size = size;
    return true;
  }

  /** What is held, which is not held any more. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.size);
    this.bytes = new Uint8Array(1024);
    this.drop();
    return taken;
  }

  drop(): void {
    this.size = 0;
    this.most = MOST_HELD;
  }
}

/** Parts one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
