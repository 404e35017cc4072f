/** Of names with more characters of their server than this, not even these are whole where they are exposed. */
export const WHOLE_NAME = 54;

/** `<server>-<name>` within what model providers take as a name: `[A-Za-z0-9_-]`, at most 64 (CONTRACT §6, Names). */
export async function exposedNameOf(serverName: string, name: string): Promise<string> {
  const original = `${serverName}-${name}`;
  const plain = original.replace(/[^A-Za-z0-9_-]/g, '_');
  if (plain === original && plain.length <= 64) return plain;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(original)));
  const hex = [...digest.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${plain.slice(0, WHOLE_NAME + 1)}_${hex}`;
}
