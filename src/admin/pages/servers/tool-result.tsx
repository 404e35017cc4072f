import { isObject, type JsonObject } from '../../../protocol/mcp';
import { Badge } from '../../../ui/parts';

/** Characters of a result that a page shows. */
const MOST = 15_000;

/** What a tool answered. Pictures and sounds are told of: our pages load nothing of others. */
export function ToolResult({ result, ms }: { result: JsonObject; ms: number }) {
  const content = Array.isArray(result.content) ? result.content.filter(isObject) : [];
  const shown = withinBudget(content.map(blockOf));
  const { structuredContent: structured } = result;
  const wantsMore = result.resultType === 'input_required';
  return (
    <section class="card stack" aria-labelledby="result">
      <div class="row spread">
        <h2 id="result">What it answered</h2>
        <span class="row">
          {result.isError === true ? (
            <Badge tone="bad">it says it failed</Badge>
          ) : (
            <Badge tone="good">it ran</Badge>
          )}
          <small>{durationOf(ms)}</small>
        </span>
      </div>
      {wantsMore && (
        <p class="muted">
          It asks whoever called it for more before it goes on. Apps can answer that; this page cannot.
        </p>
      )}
      {shown.map(({ label, text }) => (
        <div class="stack tight">
          <small>{label}</small>
          {text !== null && (
            <pre class="wrap">
              <code>{text}</code>
            </pre>
          )}
        </div>
      ))}
      {structured !== undefined && (
        <div class="stack tight">
          <small>as data</small>
          <pre class="wrap">
            <code>{cut(JSON.stringify(structured, null, 2), MOST)}</code>
          </pre>
        </div>
      )}
      {!content.length && structured === undefined && !wantsMore && (
        <p class="muted">Nothing: it ran, and said no more.</p>
      )}
    </section>
  );
}

export function durationOf(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

type Block = { label: string; text: string | null };

/** One part of a result: its kind in words, and what of it can be read. */
function blockOf(block: JsonObject): Block {
  const { type, text, data, mimeType, resource, uri, name } = block;
  if (type === 'text' && typeof text === 'string') return { label: 'text', text };
  if (type === 'image' || type === 'audio') {
    const label = type === 'image' ? 'a picture' : 'a sound';
    return { label: `${label}: ${mimeType ?? 'of a kind it does not name'}, ${sizeOf(data)}`, text: null };
  }
  if (type === 'resource' && isObject(resource)) {
    const label = `a resource: ${resource.uri ?? ''}`;
    if (typeof resource.text === 'string') return { label, text: resource.text };
    return {
      label: `${label}, ${resource.mimeType ?? 'of a kind it does not name'}, ${sizeOf(resource.blob)}`,
      text: null,
    };
  }
  if (type === 'resource_link')
    return { label: `a link to a resource: ${name ?? ''}`, text: String(uri ?? '') };
  return { label: 'something this page does not know', text: JSON.stringify(block, null, 2) };
}

/** Bytes that base64 stands for. */
function sizeOf(base64: unknown): string {
  const bytes = typeof base64 === 'string' ? Math.floor((base64.replace(/=+$/, '').length * 3) / 4) : 0;
  return bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024).toLocaleString('en')} KB`;
}

function withinBudget(blocks: readonly Block[]): Block[] {
  let left = MOST;
  return blocks.slice(0, 50).map(({ label, text }) => {
    const kept = text === null ? null : cut(text, left);
    left = Math.max(0, left - (kept?.length ?? 0));
    return { label: label.slice(0, 500), text: kept };
  });
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const left = (text.length - most).toLocaleString('en');
  return `${text.slice(0, most)}\n… and ${left} characters more`;
}
