/** How zod's own sentences begin and go on. No one reads them. */
export const ZOD =
  /Invalid (?:input|option|string|key|element|URL|ISO|url)|expected .*received|received undefined|Too (?:small|big)|Unrecognized key|fault:/;
