import { isObject, type JsonObject } from '../protocol/mcp';

/** What a tool's `_meta` says of MCP Apps (`io.modelcontextprotocol/ui`). */
export type AppMeta = {
  /** URIs of the pages it is shown with; more than one only where they are also named as before the extension. */
  pages: readonly string[];
  /** Who may call it; null: it does not say. */
  visibility: readonly unknown[] | null;
};

/** Of what is no tool, and of most tools. */
export const NO_APP: AppMeta = { pages: [], visibility: null };

export function appMetaOf({ _meta }: JsonObject): AppMeta {
  if (!isObject(_meta)) return NO_APP;
  const ui = isObject(_meta.ui) ? _meta.ui : {};
  const named = [ui.resourceUri, _meta['ui/resourceUri'], _meta['openai/outputTemplate']];
  const pages = named.filter((uri) => typeof uri === 'string');
  const visibility = Array.isArray(ui.visibility) ? ui.visibility : null;
  return pages.length || visibility ? { pages, visibility } : NO_APP;
}
