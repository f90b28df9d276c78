// The order of fields in the texts: `id` and `object` first, then by name.
export const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const rank = (name) => ['id', 'object'].indexOf(name) + 1 || 3;

export const inOrder = (fields, nameOf) =>
  [...fields].sort((a, b) => rank(nameOf(a)) - rank(nameOf(b)) || byName(nameOf(a), nameOf(b)));
