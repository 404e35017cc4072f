/** What an error says, without the code that one of the SDKs puts before it. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^(MCP error -?\d+: )+/, '');
}
