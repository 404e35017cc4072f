import type { BrowserContext, ElementHandle, Locator, Page } from 'playwright-core';
import { type Stop, stopAt } from './focus.ts';

/** How someone works a page. */
export type Hands = {
  type(into: Locator, text: string): Promise<void>;
  choose(from: Locator, option: string): Promise<void>;
  /** Ticks a box, follows a link, presses a button. */
  press(target: Locator): Promise<void>;
  /** Chooses one of several radio buttons. */
  mark(radio: Locator): Promise<void>;
};

/** With a pointer, or a finger. */
export const pointer: Hands = {
  type: (into, text) => into.fill(text),
  choose: async (from, option) => void (await from.selectOption(option)),
  press: (target) => target.click(),
  mark: (radio) => radio.check(),
};

/** Controls on a page that Tab goes through at most: 64 servers have several each. */
const MOST = 700;

/** What is as long as this is pasted: no one types it. Characters. */
const PASTED = 40;

/** Hears of each key that moves the focus, and of what has it then. */
type Watch = (stop: Stop) => void;

/** With the keyboard alone: Tab to what is meant, or Shift and Tab back to it, then Space, Enter, an arrow or letters. */
export function keyboardOf(watch: Watch): Hands {
  const tabTo = async (target: Locator, isThere = (stop: Stop) => stop.isMeant) => {
    let element = await found(target);
    for (let presses = 0; presses < MOST; presses++) {
      const stop = await stopAt(element);
      if (!stop) {
        element = await found(target); // on the page that came meanwhile, or in the list that was put in place
        continue;
      }
      if (presses) watch(stop);
      if (isThere(stop)) return;
      await target.page().keyboard.press(stop.isPast ? 'Shift+Tab' : 'Tab');
    }
    throw new Error(`Tab does not come to ${target}`);
  };
  return {
    async type(into, text) {
      await tabTo(into);
      await into.page().keyboard.press('ControlOrMeta+A');
      if (!text) await into.page().keyboard.press('Delete');
      else if (text.length < PASTED) await into.page().keyboard.type(text);
      else await into.page().keyboard.insertText(text);
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
    async mark(radio) {
      await tabTo(radio, ({ isMeant, isOfGroup }) => isMeant || isOfGroup); // Tab comes to a group once
      for (let presses = 0; !(await radio.isChecked()); presses++) {
        if (presses > 10) throw new Error(`no arrow comes to ${radio}`);
        await radio.page().keyboard.press('ArrowDown');
      }
    },
  };
}

/** What is meant, on a page that is there: to find it by its name for every Tab would cost more than Tab. */
async function found(target: Locator): Promise<ElementHandle> {
  await target.waitFor();
  await target.page().waitForLoadState();
  return (await target.elementHandle()) as ElementHandle;
}

/** A name, whole, or what it is like. */
export type Called = string | RegExp;

/** Someone at a page, who finds things by what they are and are called. */
export class Person {
  readonly page: Page;
  private readonly hands: Hands;

  constructor(page: Page, hands: Hands) {
    this.page = page;
    this.hands = hands;
  }

  readonly type = (label: Called, text: string) =>
    this.hands.type(this.page.getByLabel(label, { exact: true }), text);

  /** Chooses in the list whose label begins with `label`. */
  readonly choose = (label: Called, option: string) =>
    this.hands.choose(this.page.getByRole('combobox', { name: likeOf(label) }), option);

  readonly press = (role: 'button' | 'link', name: Called, within: Page | Locator = this.page) =>
    this.hands.press(within.getByRole(role, { name, exact: true }).first());

  /** Ticks the boxes whose labels begin so; of a list, where it is named. */
  readonly tick = async (labels: readonly Called[], list?: Called) => {
    const within = list ? this.page.getByRole('list', { name: list }) : this.page;
    for (const label of labels) {
      await this.hands.press(within.getByRole('checkbox', { name: likeOf(label) }));
    }
  };

  /** Chooses the radio button whose label begins so. */
  readonly mark = (label: Called) => this.hands.mark(this.page.getByRole('radio', { name: likeOf(label) }));

  /** Opens what is folded under these words, or folds it again. */
  readonly unfold = (words: Called, within: Page | Locator = this.page) =>
    this.hands.press(within.locator('summary').filter({ hasText: words }).first());

  /** Waits until a part of the page says `text`. */
  async sees(role: 'status' | 'region' | 'heading' | 'alert', text: Called): Promise<void> {
    await this.page.getByRole(role).filter({ hasText: text }).first().waitFor();
  }

  /** The first text on the page that is like `pattern`. */
  async reads(pattern: RegExp): Promise<string> {
    return (await this.page.getByText(pattern).first().textContent()) ?? '';
  }
}

/** What begins with these words. */
function likeOf(words: Called): RegExp {
  if (typeof words !== 'string') return words;
  return new RegExp(`^${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\p{L}\\p{N}_])`, 'u');
}

/** What the browser asks of hosts other than those at `origins`, from now on. */
export function strangersOf(context: BrowserContext, origins: readonly string[]): string[] {
  const strangers: string[] = [];
  context.on('request', (request) => {
    if (!origins.includes(new URL(request.url()).origin)) strangers.push(request.url());
  });
  return strangers;
}
