const text = new TextDecoder();

/** What a string of JSON says, of its bytes without the quotes. */
export function unescaped(bytes: Uint8Array | number[]): string {
  const raw = text.decode(Uint8Array.from(bytes));
  try {
    return JSON.parse(`"${raw}"`);
  } catch {
    return raw;
  }
}
