/**
 * Loaded first into every process that `npm run dev` starts: when dev is gone, even killed without a chance to say so,
 * its end of the channel closes and the process ends too.
 */
process.on('disconnect', () => process.exit());
