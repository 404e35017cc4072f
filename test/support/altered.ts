/** The value with one character near its middle replaced by another one: the same length, and never the value itself. */
export const altered = (value: string): string => {
  const place = Math.floor(value.length / 2);
  return `${value.slice(0, place)}${value[place] === 'A' ? 'B' : 'A'}${value.slice(place + 1)}`;
};
