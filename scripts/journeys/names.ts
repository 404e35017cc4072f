/** What strangers call things to break a page: unbroken, wide, right to left, emoji, nothing visible, marks without end. */
export const NAMES = [
  'Llanfairpwllgwyngyll'.repeat(10),
  'W'.repeat(200),
  'שלוםעולם'.repeat(25),
  '🦀'.repeat(100),
  '\u3164'.repeat(9),
  `a${'\u0301'.repeat(199)}`,
] as const;
