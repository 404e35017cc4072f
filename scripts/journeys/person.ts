import type { BrowserContext, Locator, Page } from 'playwright-core';

/** How someone works a page. */
export type Hands = {
  type(into: Locator, text: string): Promise<void>;
  choose(from: Locator, option: string): Promise<void>;
  /** Ticks a box, follows a link, presses a button. */
  press(target: Locator): Promise<void>;
};

/** With a pointer, or a finger. */
export const pointer: Hands = {
  type: (into, text) => into.fill(text),
  choose: async (from, option) => void (await from.selectOption(option)),
  press: (target) => target.click(),
};

/** Controls on a page that Tab goes through at most. */
const MOST = 150;

/** With the keyboard alone: Tab to what is meant, then Space, Enter or letters. */
export const keyboard: Hands = {
  async type(into, text) {
    await tabTo(into);
    await into.page().keyboard.press('ControlOrMeta+A');
    await into.page().keyboard.type(text);
  },
  async choose(from, option) {
    await tabTo(from);
    await from.page().keyboard.type(option); // the option that begins so
  },
  async press(target) {
    await tabTo(target);
    const isTicked = await target.evaluate(({ tagName }) => tagName === 'INPUT');
    await target.page().keyboard.press(isTicked ? 'Space' : 'Enter');
  },
};

async function tabTo(target: Locator): Promise<void> {
  await target.waitFor();
  for (let presses = 0; presses < MOST; presses++) {
    if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
    await target.page().keyboard.press('Tab');
  }
  throw new Error(`Tab does not come to ${target}`);
}

/** Someone at a page, who finds things by what they are and are called. */
export class Person {
  readonly page: Page;
  private readonly hands: Hands;

  constructor(page: Page, hands: Hands) {
    this.page = page;
    this.hands = hands;
  }

  readonly type = (label: string, text: string) =>
    this.hands.type(this.page.getByLabel(label, { exact: true }), text);

  /** Chooses in the list whose label begins with `label`. */
  readonly choose = (label: string, option: string) =>
    this.hands.choose(this.page.getByRole('combobox', { name: beginning(label) }), option);

  readonly press = (role: 'button' | 'link', name: string) =>
    this.hands.press(this.page.getByRole(role, { name, exact: true }).first());

  /** Ticks the boxes whose labels begin so; of a list, where it is named. */
  readonly tick = async (labels: readonly string[], list?: string) => {
    const within = list ? this.page.getByRole('list', { name: list }) : this.page;
    for (const label of labels) {
      await this.hands.press(within.getByRole('checkbox', { name: beginning(label) }));
    }
  };

  /** Waits until a part of the page says `text`. */
  async sees(role: 'status' | 'region' | 'heading', text: string): Promise<void> {
    await this.page.getByRole(role).filter({ hasText: text }).first().waitFor();
  }

  /** The first text on the page that is like `pattern`. */
  async reads(pattern: RegExp): Promise<string> {
    return (await this.page.getByText(pattern).first().textContent()) ?? '';
  }
}

const beginning = (text: string) => new RegExp(`^${text}\\b`);

/** What the browser asks of hosts other than those at `origins`, from now on. */
export function strangersOf(context: BrowserContext, origins: readonly string[]): string[] {
  const strangers: string[] = [];
  context.on('request', (request) => {
    if (!origins.includes(new URL(request.url()).origin)) strangers.push(request.url());
  });
  return strangers;
}
