declare namespace Cloudflare {
  interface GlobalProps {
    mainModule: typeof import('../src/index');
  }
  interface Env extends Omit<import('../src/config').Env, never> {}
}

/** Vite hands these over as text. */
declare module '*?raw' {
  const text: string;
  export default text;
}
