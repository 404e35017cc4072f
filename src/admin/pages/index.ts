import { Hono } from 'hono';
import type { App } from '../../config';
import { administratorsOnly } from './frame';
import { keyPages } from './keys';
import { signInPages } from './sign-in';

/** Administration in a browser (CONTRACT §8, Pages): over the management API, by the same rules. */
export const adminPages = new Hono<App>()
  .route('/', signInPages)
  .use(administratorsOnly)
  .route('/keys', keyPages);
