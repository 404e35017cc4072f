import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { contrastFaultsOf } from './axe.ts';
import { misfitsOf } from './fits.ts';
import { keyboardOf, Person, pointer } from './person.ts';

/** Bytes a page may have with everything it loads; one with a list of servers to choose from. */
export const MOST_BYTES = 100_000;
export const MOST_BYTES_CHOOSING = 150_000;
/** What someone waits for is there after this, or never. Milliseconds. */
const PATIENCE = 8000;

/** How a journey is gone. */
export type Way = {
  hands: 'keyboard' | 'pointer';
  hasScript: boolean;
  /** CSS pixels of the window. */
  width: number;
  height: number;
  /** What else each page has to fit. */
  widths: readonly number[];
  isDark?: boolean;
  /** True where the machine does nothing else, so that times are held to their limits. */
  isTimed?: boolean;
};

type StepTerms = {
  /** And once Back and Forward again, which is not measured. */
  goesBack?: boolean;
  /** Milliseconds until the page it leads to is first painted, on a machine that does nothing else. */
  mostPaint?: number;
};

/** What came of one step. Where it ended on a page that was not there before: that page's first paint and weight. */
export type Row = {
  user: string;
  step: string;
  ms: number;
  /** Presses of Tab. */
  tabs: number;
  path: string;
  paint: number | null;
  bytes: number | null;
  faults: string[];
};

const WAYS = [
  ['Back', (page: Page) => page.goBack()],
  ['Forward', (page: Page) => page.goForward()],
] as const;

type Noted = Omit<Facts, 'bytes'> & { bytes: number; files: string[] };
type Facts = {
  /** When the browser began to ask for the page: it tells pages apart. */
  began: number;
  paint: number | null;
  bytes: number;
  /** It has a list of servers to choose from. */
  isChoosing: boolean;
};

/** Runs in the page. `files`: what it loads beside what its script asks for, in the browser's memory or not. */
const NOTED = `(() => {
  const asked = performance.getEntriesByType('resource').filter(({ initiatorType }) => initiatorType === 'fetch');
  const [itself] = performance.getEntriesByType('navigation');
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  const loaded = document.querySelectorAll('link[rel~=stylesheet], link[rel~=icon], script[src], img[src]');
  return {
    began: performance.timeOrigin,
    paint: paint ? Math.round(paint.startTime) : null,
    bytes: [itself, ...asked].reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0),
    files: [...loaded].map(({ href, src }) => href ?? src),
    isChoosing: document.querySelector('.pick, .picker') !== null,
  };
})()`;

/** One user's journey, measured step by step. */
export class Walk {
  readonly rows: Row[] = [];
  readonly person: Person;
  readonly page: Page;
  private readonly user: string;
  private readonly way: Way;
  private faults: string[] = [];
  private tabs = 0;
  private document = 0;

  constructor(user: string, page: Page, way: Way) {
    this.user = user;
    this.page = page;
    this.way = way;
    page.setDefaultTimeout(PATIENCE);
    const watch = ({ hidden }: { hidden: string | null }) => {
      this.tabs++;
      if (hidden) this.fault(`has the focus, but ${hidden}`);
    };
    this.person = new Person(page, way.hands === 'keyboard' ? keyboardOf(watch) : pointer);
    page.on('pageerror', ({ message }) => this.fault(`script: ${message}`));
    page.on('console', (message) => {
      const isRefusal = /the server responded with a status of 4\d\d/.test(message.text()); // an answer like others
      if (message.type() === 'error' && !isRefusal) this.fault(`console: ${message.text()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 500) this.fault(`${response.status()} at ${new URL(response.url()).pathname}`);
    });
    page.on('framenavigated', (frame) => {
      if (frame.url().startsWith('chrome-error:')) this.fault('an error page of the browser');
    });
  }

  get hasScript(): boolean {
    return this.way.hasScript;
  }

  /** Notes what is wrong, with the step that is under way. */
  fault(what: string): void {
    if (!this.faults.includes(what)) this.faults.push(what);
  }

  /** Fails the step when `isSo` is false. */
  expect(isSo: boolean, otherwise: string): void {
    if (!isSo) this.fault(otherwise);
  }

  /** The field called so still holds what was typed into it. */
  async keeps(label: string, text: string): Promise<void> {
    const held = await this.page.getByLabel(label, { exact: true }).inputValue();
    this.expect(held === text, `lost what was typed into “${label}”: it holds “${held.slice(0, 40)}”`);
  }

  /**
   * Does a step, then looks at the page it led to.
   * @throws when it cannot be done, once that is noted
   */
  async step<T>(
    name: string,
    act: (person: Person) => Promise<T>,
    { goesBack = false, mostPaint = Number.POSITIVE_INFINITY }: StepTerms = {},
  ): Promise<T> {
    [this.faults, this.tabs] = [[], 0];
    const began = performance.now();
    let ms = 0;
    let seen: Facts | null = null;
    try {
      const made = await act(this.person);
      ms = performance.now() - began;
      seen = await this.look(mostPaint);
      if (goesBack) await this.backAndForward();
      return made;
    } catch (error) {
      ms ||= performance.now() - began;
      const [heading = '', said = ''] = await this.said();
      this.fault(`stopped at “${heading}”${said && ` (${said})`}: ${String(error).slice(0, 400)}`);
      throw error;
    } finally {
      const path = URL.canParse(this.page.url()) ? new URL(this.page.url()).pathname : this.page.url();
      const { paint = null, bytes = null } = seen ?? {};
      this.rows.push({
        user: this.user,
        step: name,
        ms,
        tabs: this.tabs,
        path,
        paint,
        bytes,
        faults: this.faults,
      });
    }
  }

  /** The page as it stands, where it is ours. Null for one that was looked at before. */
  private async look(mostPaint: number): Promise<Facts | null> {
    const { width, height, widths, isDark, isTimed } = this.way;
    await this.page.waitForLoadState(); // before its stylesheet is there, nothing fits
    if (!(await this.isOurs())) return null;
    for (const fault of await misfitsOf(this.page, widths)) this.fault(fault);
    if (this.page.viewportSize()?.width !== width) await this.page.setViewportSize({ width, height });
    if (isDark) for (const fault of await contrastFaultsOf(this.page)) this.fault(fault);
    const facts = await this.facts();
    if (facts.began === this.document) return null;
    this.document = facts.began;
    const most = facts.isChoosing ? MOST_BYTES_CHOOSING : MOST_BYTES;
    this.expect(facts.bytes < most, `weighs ${facts.bytes} bytes, of ${most} allowed`);
    const isLate = isTimed === true && (facts.paint ?? 0) > mostPaint;
    this.expect(!isLate, `is first painted after ${facts.paint} ms, of ${mostPaint} allowed`);
    return facts;
  }

  private async isOurs(): Promise<boolean> {
    return (await this.page.locator('main').count()) > 0;
  }

  /** What the browser noted of the page; it paints once it comes to it. */
  private async facts(): Promise<Facts> {
    const until = performance.now() + PATIENCE;
    for (;;) {
      const { files, ...facts } = await this.page.evaluate<Noted>(NOTED);
      if (facts.paint === null && performance.now() < until) {
        await delay(30);
        continue;
      }
      const loaded = files.filter((address) => this.way.hasScript || !address.endsWith('.js'));
      const sizes = await Promise.all(loaded.map(sizeOf));
      return { ...facts, bytes: sizes.reduce((sum, size) => sum + size, facts.bytes) };
    }
  }

  private async backAndForward(): Promise<void> {
    for (const [name, go] of WAYS) {
      const isThere = await go(this.page).then(
        () => true,
        () => false,
      );
      const title = this.page.locator('h1').first();
      if (isThere)
        await title.waitFor().catch(() => this.fault(`${name} leads to no page: ${this.page.url()}`));
      else {
        this.fault(`${name} leads to an error page of the browser`);
        await this.page.waitForURL(/^chrome-error:/).catch(() => undefined);
      }
    }
    await this.page.waitForLoadState();
    if (await this.isOurs()) this.document = (await this.facts()).began;
  }

  /** What the page is called, and the first thing it complains of. */
  private async said(): Promise<string[]> {
    const text = (selector: string) =>
      this.page
        .locator(selector)
        .first()
        .innerText({ timeout: 500 })
        .catch(() => '');
    return Promise.all([text('h1'), text('[role=alert]')]);
  }
}

const sizes = new Map<string, Promise<number>>();

/** Bytes of a file that is the same for every page. */
function sizeOf(address: string): Promise<number> {
  const known =
    sizes.get(address) ?? fetch(address).then(async (answer) => (await answer.arrayBuffer()).byteLength);
  sizes.set(address, known);
  return known;
}
