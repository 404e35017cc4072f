import type { Finding } from '../../../mcp-client/address-check';
import { say } from '../../../protocol/faults/wording';
import type { ConnectionType } from '../../../servers/server';
import { SERVER_FAILURE_WORDS } from './failure-words';
import type { Pasted } from './pasted';

/** A finding about `url`, where `address` led. */
type Found = { address: string; url: string; connectionType: ConnectionType; finding: Finding };

/** What was found at an address, and what follows. */
export function findingWords({ address, url, connectionType, finding }: Found): string {
  const moved = placeWords(address, { kind: connectionType, url });
  switch (finding.kind) {
    case 'open': {
      const { tools } = finding;
      return `The server answers and lists ${tools} ${tools === 1 ? 'tool' : 'tools'} to everyone.${moved}`;
    }
    case 'oauth': {
      const registers = finding.registersItself
        ? 'The gateway registers itself there.'
        : 'Register an app there, and add the server with its client_id.';
      return `The server answers, and people sign in at ${finding.provider}. ${registers}${moved}`;
    }
    case 'credentials':
      return `The server answers and asks for a header, such as an API key.${moved}`;
    case 'failed':
      return `${say(SERVER_FAILURE_WORDS, finding.failure)}${moved}`;
    case 'website':
      return 'This is a website, not an MCP server. Its documentation names the address of its MCP server; most end in /mcp.';
    case 'elsewhere':
      return `This address redirects to ${finding.to}, on another host. If you mean that server, check that address instead.`;
  }
}

/** What is said of where and how a server answers, behind another sentence; empty when that is as usual, where it was said to be. */
export function placeWords(address: string, { kind, url }: { kind: ConnectionType; url: string }): string {
  const moved = url === address ? '' : ` It was found at ${url}, not at ${address}.`;
  return kind === 'sse' ? `${moved} ${OLDER_WORDS}` : moved;
}

/** That a server speaks the transport of 2024-11-05 alone. */
export const OLDER_WORDS =
  'It speaks the older HTTP+SSE transport (MCP 2024-11-05). The gateway translates, so there is nothing to do.';

/** Why nothing was asked, and what works. What was pasted is not repeated: it may hold secrets. */
export function pastedWords(pasted: Exclude<Pasted, { kind: 'address' }>): string {
  switch (pasted.kind) {
    case 'command':
      return `This command starts a program on your own computer, with ${pasted.runner}. A gateway needs a server it can reach over the internet. If its makers host one, paste that web address. Or run the program behind a bridge, such as supergateway or mcp-proxy, and paste the bridge’s https address.`;
    case 'several':
      return `This names several servers: ${pasted.names.map((name) => name || 'one without a name').join(', ')}. Paste one at a time.`;
    case 'unreadable':
      return 'This is not a web address, a config block or a command. Check for missing characters, or paste the web address alone.';
  }
}
