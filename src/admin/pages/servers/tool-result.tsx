import type { Child } from 'hono/jsx';
import { isObject, type JsonObject } from '../../../protocol/mcp';
import { cut } from '../../../ui/name';
import { Badge } from '../../../ui/parts';

/** Characters of a result that a page shows. */
const MOST = 15_000;

/** Pictures and sounds that a browser shows and that run nothing: others are told of. */
const SHOWN = /^(image\/(png|jpeg|gif|webp|avif)|audio\/(mpeg|mp4|aac|ogg|wav|x-wav|webm|flac))$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** What a page that holds them may load besides our own files: what stands in it. */
export const MEDIA_POLICY = "img-src 'self' data:; media-src data:";

/** What a tool answered. */
export function ToolResult({ result, ms }: { result: JsonObject; ms: number }) {
  const content = Array.isArray(result.content) ? result.content.filter(isObject) : [];
  const { structuredContent: structured } = result;
  return (
    <>
      <div class="row spread">
        <h2>Result</h2>
        <span class="row">
          {result.isError === true ? (
            <Badge tone="bad">Reported an error</Badge>
          ) : (
            <Badge tone="good">Completed</Badge>
          )}
          <small>{durationOf(ms)}</small>
        </span>
      </div>
      {withinBudget(content.map(blockOf)).map(({ label, text, media }) => (
        <Part label={label}>
          {media}
          {text !== null && <Text of={text} />}
        </Part>
      ))}
      {structured !== undefined && (
        <Part label="Data">
          <Text of={clipped(JSON.stringify(structured, null, 2), MOST)} />
        </Part>
      )}
      {!content.length && structured === undefined && <p class="muted">It ran and returned nothing.</p>}
    </>
  );
}

function Part({ label, children }: { label: string; children?: Child }) {
  return (
    <div class="stack tight">
      <small>{label}</small>
      {children}
    </div>
  );
}

function Text({ of }: { of: string }) {
  return (
    <pre class="wrap">
      <code>{of}</code>
    </pre>
  );
}

export function durationOf(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

type Block = { label: string; text: string | null; media?: Child };

/** One part of a result: its kind in words, and what of it can be read, seen or heard. */
function blockOf(block: JsonObject): Block {
  const { type, text, data, mimeType, resource, uri, name } = block;
  if (type === 'text' && typeof text === 'string') return { label: 'Text', text };
  if (type === 'image') return mediaOf('Picture', mimeType, data);
  if (type === 'audio') return mediaOf('Audio', mimeType, data);
  if (type === 'resource' && isObject(resource)) {
    const label = `Resource ${cut(String(resource.uri ?? ''))}`;
    return typeof resource.text === 'string'
      ? { label, text: resource.text }
      : mediaOf(label, resource.mimeType, resource.blob);
  }
  if (type === 'resource_link')
    return { label: `Link to resource ${cut(String(name ?? ''))}`, text: String(uri ?? '') };
  return { label: 'Unknown content', text: JSON.stringify(block, null, 2) };
}

function mediaOf(what: string, mimeType: unknown, data: unknown): Block {
  const base64 = typeof data === 'string' ? data : '';
  const bytes = Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
  const size = bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024).toLocaleString('en')} KB`;
  const label = `${what}, ${cut(String(mimeType ?? 'unknown type'))}, ${size}`;
  const type = String(mimeType).toLowerCase();
  if (!SHOWN.test(type) || !BASE64.test(base64)) return { label, text: null };
  const src = `data:${type};base64,${base64}`;
  const media = type.startsWith('image') ? (
    <img src={src} alt={label} />
  ) : (
    // biome-ignore lint/a11y/useMediaCaption: a tool answers with none
    <audio src={src} controls />
  );
  return { label, text: null, media };
}

function withinBudget(blocks: readonly Block[]): Block[] {
  let left = MOST;
  return blocks.slice(0, 50).map(({ label, text, media }) => {
    const kept = text === null ? null : clipped(text, left);
    left = Math.max(0, left - (kept?.length ?? 0));
    return { label, text: kept, media };
  });
}

function clipped(text: string, most: number): string {
  if (text.length <= most) return text;
  const left = (text.length - most).toLocaleString('en');
  return `${text.slice(0, most)}\n… and ${left} more characters`;
}
