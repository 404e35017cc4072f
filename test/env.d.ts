declare namespace Cloudflare {
  /** Set by vitest.config.ts. */
  interface Env {
    RATE_LIMITS?: unknown;
  }
}

/** Vite hands these over as text. */
declare module '*?raw' {
  const text: string;
  export default text;
}
