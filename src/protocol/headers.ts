/** Those of `values` whose names are wanted, compared as header names are: without regard to case (RFC 9110 §5.1). */
export function wantedHeaders(
  wanted: readonly string[],
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = new Set(wanted.map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name.toLowerCase())));
}

/** The headers of `under`, with those of `over` in place of any of the same name. */
export function overlaid(under: Headers, over: Headers): Headers {
  const headers = new Headers(under);
  for (const [name, value] of over) headers.set(name, value);
  return headers;
}

/** The items of a list in a header, without empty ones (RFC 9110 §5.6.1). */
export function itemsOf(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

/** The media type of a body, in lower case, without parameters; empty: not said. */
export function mediaTypeOf(headers: Headers): string {
  return headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
}
