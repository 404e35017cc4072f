/** What `index.js` beside it holds, once `scripts/build` has made it of `src`. */
export * from '../src/index';
export { default } from '../src/index';
