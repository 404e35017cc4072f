/** How often a stream asks for news. Milliseconds. */
const ASK_EVERY = 500;

/** Counts what made lists of this isolate's servers others. */
let news = 0;

/** Has the streams of this isolate look: a server's lists became others. */
export function tellStreams(): void {
  news++;
}

/** Looks whenever there is news, until `signal` aborts: by a timer, as no request may touch what another one holds open. */
export function lookAtNews(signal: AbortSignal, look: () => void): void {
  let known = news;
  let timer: ReturnType<typeof setTimeout>;
  const ask = () => {
    if (signal.aborted) return;
    timer = setTimeout(ask, ASK_EVERY);
    if (known === news) return;
    known = news;
    look();
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  ask();
}
