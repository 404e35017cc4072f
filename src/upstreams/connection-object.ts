import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../config';

/** One identity's credential at one server: held, refreshed and ended by one writer (ARCHITECTURE). */
export class ConnectionObject extends DurableObject<Env> {}
