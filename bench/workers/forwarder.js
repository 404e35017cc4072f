/** The least a gateway in this runtime costs: passes a request on to the MCP server, and its answer back. No one is asked who they are. */
const TO_SERVER = [
  'accept',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
];
const TO_CLIENT = ['cache-control', 'content-type', 'mcp-session-id'];

export async function forward(request, url) {
  const { method, headers, body } = request;
  const answer = await fetch(url, {
    method,
    headers: only(TO_SERVER, headers),
    body,
    redirect: 'manual',
  });
  return new Response(answer.body, { status: answer.status, headers: only(TO_CLIENT, answer.headers) });
}

function only(names, headers) {
  const kept = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}

export default {
  fetch: (request, env) => forward(request, env.UPSTREAM),
};
