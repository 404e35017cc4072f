import * as z from 'zod/mini';

/** A moment, as RFC 3339 writes it. */
export const Time = z.iso.datetime();
