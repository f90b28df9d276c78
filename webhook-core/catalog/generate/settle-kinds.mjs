// Settles the kinds of numbers and texts over the versions. Whether a number is a time, an integer or a float, and whether a
// text is a time, a decimal number or an integer, is only guessed from the doc comment and the field's name, or told by
// PyPI's package, which the oldest version lacks. None of this changes on the wire while the JSON value stays a number or a
// text: so at one path, the newest version that has such a value there decides for all older ones. Likewise, a text of which
// an older version knows one value only is an enum there if it is one in a newer version.
import { decimals } from './exceptions.mjs';

const jsonKind = {
  number: 'number', integer: 'number', float: 'number', timestamp: 'number',
  string: 'string', datetime: 'string', decimal: 'string', int64: 'string',
};

/** Takes the objects of one version after the other, the newest first, and changes their types. */
export function kindSettler() {
  const kinds = new Map(); // path and JSON kind → kind
  const enums = new Set();
  const unused = new Set(decimals);
  const undecided = [];

  const settleType = (path, type) => {
    const json = jsonKind[type.k];
    if (json) {
      if (unused.delete(path)) kinds.set(`${path} ${json}`, 'decimal');
      type.k = kinds.get(`${path} ${json}`) ?? type.k;
      kinds.set(`${path} ${json}`, type.k);
      if (type.k === 'number') undecided.push(path);
    }
    if (type.k === 'enum') enums.add(path);
    if (type.k === 'literal' && enums.has(path)) Object.assign(type, { k: 'enum', values: [type.value] });
    if (type.of?.k) settleType(`${path}[]`, type.of);
    for (const field of type.fields ?? type.shape?.fields ?? []) settleType(`${path}.${field.name}`, field.type);
  };

  return {
    settle(objects) {
      for (const [name, object] of objects) {
        for (const field of object.fields) settleType(`${name}.${field.name}`, field.type);
      }
    },
    /** Numbers of which neither PyPI nor a newer version tells whether they are integers. */
    undecided: () => undecided,
    /** Exceptions that no field asked for. */
    unused: () => [...unused],
  };
}
