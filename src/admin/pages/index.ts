import { Hono } from 'hono';
import type { App } from '../../config';
import { keptPages } from '../../kept-pages';
import { accessPages } from './access';
import { suggestNames } from './add-server';
import { appPages } from './apps';
import { auditPages } from './audit';
import { administratorsOnly } from './frame';
import { keyPages } from './keys';
import { formsOnce, ownerOf } from './once';
import { overviewPage } from './overview';
import { peoplePages } from './people';
import { serverPages } from './servers';
import { settingPages } from './settings';
import { signInPages } from './sign-in';
import { toolsetPages } from './toolsets';

/** Administration in a browser (CONTRACT §8, Pages): over the management API, by the same rules. */
export const adminPages = new Hono<App>()
  .route('/', signInPages)
  .use(administratorsOnly)
  .use(keptPages(ownerOf))
  .use(formsOnce)
  .get('/tools', suggestNames)
  .route('/', overviewPage)
  .route('/servers', serverPages)
  .route('/keys', keyPages)
  .route('/toolsets', toolsetPages)
  .route('/access', accessPages)
  .route('/apps', appPages)
  .route('/audit', auditPages)
  .route('/people', peoplePages)
  .route('/settings', settingPages);
