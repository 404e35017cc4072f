import { afterAll, beforeAll } from 'vitest';
import { encryptionKeys } from './encryption-keys';
import { restoring } from './restoring';
import { startTwoWorkers, stopTwoWorkers } from './support/two-workers';

beforeAll(startTwoWorkers);
afterAll(stopTwoWorkers);

restoring();
encryptionKeys(); // last: it leaves the Workers with other keys
