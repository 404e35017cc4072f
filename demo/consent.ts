/**
 * A browser without a window, for the pages between an authorization request and the client's callback (CONTRACT §4):
 * it keeps cookies, fills in the form that asks for a decision, and follows redirects until one leaves for the client.
 */

/** What a person types and chooses. A field the form does not have is not sent; null takes one out, boxes too. */
export type Answers = Record<string, string | string[] | null>;

/** A page that cannot be answered: an error, or one that asks the same again because it did not like the answer. */
class ConsentFailed extends Error {
  override readonly name = 'ConsentFailed';
}

/** No flow has this many pages. */
const MOST_STEPS = 20;

/**
 * Goes from an authorization URL to the client's callback, answering every form on the way, and allowing what is asked
 * unless `answers.decision` says otherwise. Returns the callback's URL, with what the authorization server sent there.
 * @param added headers that something between the browser and the gateway puts on every request, as Cloudflare Access does
 */
export async function consent(
  authorizationUrl: string | URL,
  answers: Answers,
  added: Readonly<Record<string, string>> = {},
): Promise<URL> {
  const { origin } = new URL(authorizationUrl);
  const cookies = new Map<string, string>();
  const asked = new Set<string>();
  let request = new Request(authorizationUrl);

  for (let step = 0; step < MOST_STEPS; step++) {
    if (cookies.size) request.headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '));
    for (const [name, value] of Object.entries(added)) request.headers.set(name, value);
    const response = await fetch(new Request(request, { redirect: 'manual' }));
    for (const cookie of response.headers.getSetCookie()) keep(cookies, cookie);
    const page = await response.text();

    const location = response.headers.get('location');
    if (location) {
      const next = new URL(location, request.url);
      if (next.origin !== origin) return next;
      request = new Request(next);
    } else {
      const url = new URL(request.url);
      const form = formsOf(page).find(({ controls }) => controls.some(({ name }) => name === 'decision'));
      const question = form?.controls.map(({ name }) => name).join() ?? '';
      if (!form || asked.has(question)) {
        throw new ConsentFailed(`${url.pathname} answered ${response.status}: ${textOf(page)}`);
      }
      asked.add(question);
      request = fillIn(form, url, answers);
    }
  }
  throw new ConsentFailed(`consent went on for more than ${MOST_STEPS} pages`);
}

function keep(cookies: Map<string, string>, setCookie: string): void {
  const [pair = '', ...attributes] = setCookie.split(';');
  const [name = '', ...value] = pair.trim().split('=');
  const ends = attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute));
  if (ends) cookies.delete(name);
  else cookies.set(name, value.join('='));
}

/** The request that submitting `form` makes. */
function fillIn(form: Form, url: URL, answers: Answers): Request {
  const decisions = form.controls.filter(({ name }) => name === 'decision').map(({ value }) => value);
  const wanted: Answers = { decision: decisions.includes('allow') ? 'allow' : 'continue', ...answers };
  const body = new URLSearchParams();
  for (const { name, value, isSent } of form.controls) {
    if (isSent && !(name in wanted)) body.append(name, value);
  }
  for (const [name, answer] of Object.entries(wanted)) {
    if (answer === null || !form.controls.some((control) => control.name === name)) continue;
    for (const value of [answer].flat()) body.append(name, value);
  }
  return new Request(new URL(form.action, url), { method: 'POST', body });
}

type Control = { name: string; value: string; isSent: boolean };
type Form = { action: string; controls: Control[] };

/** Every form of a page, with its controls as they stand. Buttons are sent only when pressed. */
export function formsOf(page: string): Form[] {
  const forms: Form[] = [];
  let choice: Control | null = null;
  for (const { tag, attributes } of tagsOf(page)) {
    const controls = forms.at(-1)?.controls;
    const name = attributes.get('name') ?? '';
    const value = attributes.get('value');
    if (tag === 'form') forms.push({ action: attributes.get('action') ?? '', controls: [] });
    if (tag === 'option' && choice && (!choice.isSent || attributes.has('selected'))) {
      choice.value = value ?? '';
      choice.isSent = true; // a list without a selected option sends its first
    }
    if (!controls || !name || attributes.has('disabled')) continue;
    if (tag === 'select') {
      choice = { name, value: '', isSent: false };
      controls.push(choice);
    }
    if (tag === 'button') controls.push({ name, value: value ?? '', isSent: false });
    if (tag === 'input') {
      const type = attributes.get('type') ?? 'text';
      const isBox = type === 'checkbox' || type === 'radio';
      const isSent = isBox ? attributes.has('checked') : type !== 'submit';
      controls.push({ name, value: value ?? (isBox ? 'on' : ''), isSent });
    }
  }
  return forms;
}

type Tag = { tag: string; attributes: Map<string, string> };

/** The start tags of well-formed HTML, without what comments, scripts and styles hold. */
function* tagsOf(page: string): Generator<Tag> {
  const markup = page.replace(/<!--.*?-->|<(script|style)\b.*?<\/\1>/gis, '');
  for (const [, tag = '', rest = ''] of markup.matchAll(
    /<([a-z][a-z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>/gi,
  )) {
    const attributes = new Map<string, string>();
    for (const [, name = '', double, single, bare] of rest.matchAll(
      /([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/g,
    )) {
      attributes.set(name.toLowerCase(), decode(double ?? single ?? bare ?? ''));
    }
    yield { tag: tag.toLowerCase(), attributes };
  }
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decode(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name) return ENTITIES[name] ?? whole;
      return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal));
    },
  );
}

/** What a person reads on a page, in one line. */
function textOf(page: string): string {
  const body = page.replace(/^.*<body\b/is, '<body').replace(/<(script|style)\b.*?<\/\1>/gis, '');
  return decode(body.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 500);
}
