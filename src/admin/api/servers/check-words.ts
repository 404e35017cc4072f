import type { Finding } from '../../../mcp-client/address-check';
import { say } from '../../../protocol/faults/wording';
import { SERVER_FAILURE_WORDS } from './failure-words';
import type { Pasted } from './pasted';

/** A finding about `url`, where `address` led. */
type Found = { address: string; url: string; finding: Finding };

/** What was found at an address, and what follows. */
export function findingWords({ address, url, finding }: Found): string {
  const moved = url === address ? '' : ` ${movedWords(address, url)}`;
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
    case 'older_transport':
      return olderWords(url);
    case 'website':
      return `${address} is a website: it answers with something that is not MCP. The documentation of its makers names the address of their MCP server; most end in /mcp.`;
    case 'elsewhere':
      return `${address} redirects to ${finding.to}, on another host, which was not asked. If that is the server you mean, check that address.`;
  }
}

/** That a server is not where it was said to be. */
export function movedWords(address: string, url: string): string {
  return `It was found at ${url}, not at ${address}.`;
}

/** That a server speaks the transport of 2024-11-05 alone. */
export function olderWords(url: string): string {
  return `At ${url} is a server of the old HTTP+SSE transport (MCP 2024-11-05), which this gateway does not speak yet. Ask the people who run it for a Streamable HTTP address, or put a bridge in front of it that speaks Streamable HTTP.`;
}

/** Why nothing was asked, and what works. What was pasted is not repeated: it may hold secrets. */
export function pastedWords(pasted: Exclude<Pasted, { kind: 'address' }>): string {
  switch (pasted.kind) {
    case 'command':
      return `This is a command: ${pasted.runner} starts a program on one computer. The gateway cannot start programs; it reaches servers over HTTP, for everyone who may use them. What works: the address of a hosted version, if the makers have one. Or run the program on a machine of yours behind a bridge that speaks Streamable HTTP, such as supergateway or mcp-proxy, give that a public https address, and add it here. A server for the files or programs of one person stays in that person's app.`;
    case 'several':
      return `This names several servers: ${pasted.names.map((name) => name || 'one without a name').join(', ')}. Paste one at a time.`;
    case 'unreadable':
      return 'This is not an address, not the configuration of an MCP client as JSON, and not a command.';
  }
}
