const text = new TextDecoder();

/** A few bytes as text. Those of ASCII, which nearly all are, need no decoder: calling it costs more than they do. */
export function shortText(bytes: readonly number[] | Uint8Array): string {
  for (const byte of bytes) if (byte > 0x7f) return text.decode(Uint8Array.from(bytes));
  return String.fromCharCode(...bytes);
}

/** What a string of JSON says, of its bytes without the quotes. */
export function unescaped(bytes: readonly number[] | Uint8Array): string {
  return unescapedText(shortText(bytes));
}

/** The same of its text. */
export function unescapedText(raw: string): string {
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`);
  } catch {
    return raw;
  }
}
