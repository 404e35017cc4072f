import { type Place, Visitor } from './visitor.ts';

/**
 * Answers the pages between an authorization request and the client's callback (CONTRACT §4), as a person in a browser does:
 * fills in the form that asks for a decision, connects accounts on the way, until a redirect leaves for the client.
 */

/** What a person types and chooses. A field the form does not have is not sent; null takes one out, boxes too. */
export type Answers = Record<string, string | string[] | null>;

/** The same with what a person has to choose before they tick servers and tools, where they answer that. */
export function choosing(answers: Answers, form: Form): Answers {
  const picks = 'server' in answers || 'tool' in answers;
  const isAsked = form.controls.some(({ name }) => name === 'access');
  return picks && isAsked ? { access: 'chosen', ...answers } : answers;
}

/** A page that cannot be answered: an error, or one that asks the same again because it did not like the answer. */
class ConsentFailed extends Error {
  override readonly name = 'ConsentFailed';
}

/** No flow has this many pages. */
const MOST_STEPS = 20;

type Options = {
  /** Names of servers whose Connect button is pressed when a page has one. */
  connect?: readonly string[];
  /** Headers that something between the browser and the gateway puts on every request, as Cloudflare Access does. */
  added?: Readonly<Record<string, string>>;
};

/**
 * Goes from an authorization URL to the client's callback, answering every form on the way, and allowing what is asked
 * unless `answers.decision` says otherwise. Returns the callback's URL, with what the authorization server sent there.
 */
export async function consent(
  authorizationUrl: string | URL,
  answers: Answers,
  { connect = [], added = {} }: Options = {},
): Promise<URL> {
  const { origin, searchParams } = new URL(authorizationUrl);
  const redirectUri = searchParams.get('redirect_uri');
  const isCallback = (url: URL) => (redirectUri ? isAt(url, new URL(redirectUri)) : url.origin !== origin);
  const visitor = new Visitor(origin, added);
  const end = await answerPages(visitor, new URL(authorizationUrl), answers, { connect, isCallback });
  if (end.html === null) return end.url;
  throw new ConsentFailed(`${end.url.pathname} answered ${end.status}: ${textOf(end.html)}`);
}

/**
 * Opens `start` and answers every form that wants an answer, until a page has none or an address `isCallback`.
 * @throws ConsentFailed when a page asks the same twice.
 */
export async function answerPages(
  visitor: Visitor,
  start: URL,
  answers: Answers,
  {
    connect = [],
    isCallback = () => false,
  }: Pick<Options, 'connect'> & { isCallback?: (url: URL) => boolean } = {},
): Promise<Place> {
  const asked = new Set<string>();
  let request = new Request(start);
  for (let step = 0; step < MOST_STEPS; step++) {
    const place = await visitor.send(request, isCallback);
    if (place.html === null) return place;
    const { html, url } = place;
    const forms = formsOf(html);
    const button = forms
      .flatMap((form) => connectButtons(form))
      .find(({ server }) => connect.includes(server));
    const form = button?.form ?? formFor(forms, answers);
    if (!form) return place;

    const names = form.controls.map(({ name, value }) => (name === 'server' ? value : name));
    const question = [url.origin, button?.server, ...names].join();
    if (asked.has(question)) {
      throw new ConsentFailed(`${url.pathname} asked the same again: ${textOf(html)}`);
    }
    asked.add(question);
    request = button ? press(form, button.control, url, answers) : decide(form, url, answers);
  }
  throw new ConsentFailed(`it went on for more than ${MOST_STEPS} pages`);
}

function isAt(url: URL, { protocol, host, pathname }: URL): boolean {
  return url.protocol === protocol && url.host === host && url.pathname === pathname;
}

/** Of the forms that ask for a decision the one that has the fields of `answers`: a page has one for each way to sign in. */
export function formFor(forms: readonly Form[], answers: Answers): Form | undefined {
  const fits = ({ controls }: Form) =>
    Object.entries(answers).filter(([asked, answer]) =>
      controls.some(({ name, value }) => name === asked && (name !== 'identity' || value === answer)),
    ).length;
  return forms
    .filter(({ controls }) => controls.some(({ name }) => name === 'decision'))
    .reduce<Form | undefined>((best, form) => (!best || fits(form) > fits(best) ? form : best), undefined);
}

/** The request that answering `form` makes: with `answers`, and allowing unless they say otherwise. */
function decide(form: Form, url: URL, answers: Answers): Request {
  const decisions = form.controls.filter(({ name }) => name === 'decision').map(({ value }) => value);
  const decision = decisions.includes('allow') ? 'allow' : (decisions[0] ?? '');
  return fillIn(form, url, { decision, ...answers });
}

/** The request that a button with an address of its own makes. */
function press(form: Form, { name, value, formAction }: Control, url: URL, answers: Answers): Request {
  const { decision: _, ...typed } = answers;
  return fillIn({ ...form, action: formAction ?? form.action }, url, { ...typed, [name]: value });
}

function fillIn(form: Form, url: URL, answers: Answers): Request {
  const wanted = choosing(answers, form);
  const body = new URLSearchParams();
  for (const { name, value, isSent } of form.controls) {
    if (isSent && answerTo(name, wanted) === undefined) body.append(name, value);
  }
  for (const name of new Set(form.controls.map((control) => control.name))) {
    for (const value of [answerTo(name, wanted) ?? []].flat()) body.append(name, value);
  }
  return new Request(new URL(form.action, url), { method: 'POST', body });
}

/** The answer to a field, by its name; that of a header value by the header's, with which it ends. */
function answerTo(name: string, wanted: Answers): string | string[] | null | undefined {
  return name in wanted ? wanted[name] : wanted[name.replace(/^header\.[^.]*\./, '')];
}

/** The buttons that connect an account, each with the name of the server it is about. */
function connectButtons(form: Form): { form: Form; control: Control; server: string }[] {
  return form.controls.flatMap((control) =>
    control.name === 'mcp_client_id' && control.isButton
      ? [{ form, control, server: control.server ?? '' }]
      : [],
  );
}

type Control = {
  name: string;
  value: string;
  isSent: boolean;
  isButton?: boolean;
  /** Where a button sends the form instead. */
  formAction?: string | undefined;
  /** Name of the server it is about. */
  server?: string | undefined;
};
type Form = { action: string; controls: Control[] };

/** Every form of a page, with its controls as they stand. Buttons are sent only when pressed. */
export function formsOf(page: string): Form[] {
  const forms: Form[] = [];
  let choice: Control | null = null;
  for (const { tag, attributes, content } of tagsOf(page)) {
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
    if (tag === 'textarea') controls.push({ name, value: decode(content).replace(/^\n/, ''), isSent: true });
    if (tag === 'button') {
      const formAction = attributes.get('formaction');
      const server = attributes.get('data-server');
      controls.push({ name, value: value ?? '', isSent: false, isButton: true, formAction, server });
    }
    if (tag === 'input') {
      const type = attributes.get('type') ?? 'text';
      const isBox = type === 'checkbox' || type === 'radio';
      const isSent = isBox ? attributes.has('checked') : type !== 'submit';
      controls.push({ name, value: value ?? (isBox ? 'on' : ''), isSent });
    }
  }
  return forms;
}

/** `content`: the text behind it, up to the next tag. */
type Tag = { tag: string; attributes: Map<string, string>; content: string };

/** The start tags of well-formed HTML, without what comments, scripts and styles hold, and what is there for want of a script. */
function* tagsOf(page: string): Generator<Tag> {
  const markup = page.replace(/<!--.*?-->|<(script|style|noscript)\b.*?<\/\1>/gis, '');
  for (const [, tag = '', rest = '', content = ''] of markup.matchAll(
    /<([a-z][a-z0-9-]*)((?:[^>"']|"[^"]*"|'[^']*')*)>([^<]*)/gi,
  )) {
    const attributes = new Map<string, string>();
    for (const [, name = '', double, single, bare] of rest.matchAll(
      /([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+)))?/g,
    )) {
      attributes.set(name.toLowerCase(), decode(double ?? single ?? bare ?? ''));
    }
    yield { tag: tag.toLowerCase(), attributes, content };
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
export function textOf(page: string): string {
  const body = page.replace(/^.*<body\b/is, '<body').replace(/<(script|style)\b.*?<\/\1>/gis, '');
  return decode(body.replace(/<wbr\b[^>]*>/gi, '').replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 500);
}
