// The line of a field whose enum has other values than in the newer version names only these: `enum<-gone +new>`, in place of
// all values. `enum<>` has the same values.
import { byName } from './order.mjs';
import { fail } from './source.mjs';

function enumIn(line) {
  const match = line?.match(/^(.*enum<)(.*?)(>.*)$/);
  return match && { before: match[1], values: match[2].match(/[-+]?"(?:[^"\\]|\\.)*"|\S+/g) ?? [], after: match[3] };
}

const without = (a, b) => a.filter((value) => !b.includes(value));
const isChange = (value) => /^[-+]/.test(value);

/** The line with only the changes of its enum, if that is shorter. */
export function briefLine(line, newer) {
  const [then, now] = [enumIn(newer), enumIn(line)];
  if (now?.values.some(isChange)) fail(`a value of an enum that reads as a change of it: ${line}`);
  if (!then || !now) return line;
  const gone = without(then.values, now.values).map((value) => `-${value}`);
  const changes = [...gone, ...without(now.values, then.values).map((value) => `+${value}`)];
  return changes.length < now.values.length ? `${now.before}${changes.join(' ')}${now.after}` : line;
}

/** The line with all values of its enum. */
export function wholeLine(line, newer) {
  const written = enumIn(line);
  if (!written || !written.values.every(isChange)) return line;
  const values = new Set(enumIn(newer)?.values ?? fail(`there are no values that could change: ${line}`));
  for (const value of written.values) {
    if (value.startsWith('-')) values.delete(value.slice(1));
    else values.add(value.slice(1));
  }
  return `${written.before}${[...values].sort(byName).join(' ')}${written.after}`;
}
