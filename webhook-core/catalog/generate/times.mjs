// Which numbers are points in time (unix seconds), and which strings are RFC 3339
// times: the declarations have no type for either, so the doc comment and the
// field's name decide. `times` of exceptions.mjs lists where that is not enough.
import { times } from './exceptions.mjs';

const saysUnix = /\bunix\b|\bepoch\b|\btimestamp\b/i;
const saysRfc3339 = /RFC ?3339/i;
const namedAsTime =
  /(^|_)(at|on|after|until|date|deadline|time|created|start|end|due_by|redeem_by|next_payment_attempt|scheduled_release)$/;

const unused = new Set(Object.keys(times));

/** The kind of a `number` or `string`: a time, or `otherwise`. */
export function timeOr(otherwise, { path, name, doc }) {
  if (times[path]) {
    unused.delete(path);
    return times[path];
  }
  if (otherwise === 'number') return saysUnix.test(doc) || namedAsTime.test(name) ? 'timestamp' : 'number';
  return saysRfc3339.test(doc) ? 'datetime' : 'string';
}

/** Exceptions that no field asked for. */
export const unusedTimes = () => [...unused];
